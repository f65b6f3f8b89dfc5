#include "core/sessions/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace sessionctl::core {

namespace {

constexpr Timestamp report_interval = 5 * microseconds_per_second;
constexpr std::size_t most_groups = 6;

/// Sessions that were spared, or that the caller may not signal, were never chosen.
bool was_chosen(const Target& target) noexcept {
    return target.outcome != Outcome::spared &&
           (target.outcome != Outcome::denied || target.signalled_at != 0);
}

/// Not if it was gone before, or the operating system refused the signal.
bool was_signalled(const Target& target) noexcept {
    return target.signalled_at != 0 && target.outcome != Outcome::already_gone &&
           target.outcome != Outcome::denied;
}

bool is_done(const Target& target) noexcept {
    return target.outcome == Outcome::terminated || target.outcome == Outcome::cancelled;
}

/// That an idle session waits for its client goes without saying.
bool shows_wait(const Activity& doing) noexcept {
    return doing.wait_event_type != nullptr && doing.wait_event != nullptr &&
           !(is_idle(doing.state) && std::strcmp(doing.wait_event, "ClientRead") == 0);
}

string words_for(const Activity& doing) {
    if (!doing.is_visible)
        return "whose state is hidden from you";
    if (!doing.is_listed)
        return "exiting";
    const char* const state = state_name(doing.state);
    string words = state != nullptr ? state : "in a state that is not known";
    if (doing.state == State::disabled)
        words = "with track_activities off";
    if (shows_wait(doing))
        words.append(" (").append(doing.wait_event_type).append(": ").append(doing.wait_event).append(")");
    return words;
}

void append_group(string& text, int number, const char* words) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "%d ", number);
    text.append(text.empty() ? "" : ", ").append(digits).append(words);
}

const char* participle(Call call) noexcept {
    return call == Call::cancel ? "stopped" : call == Call::escalate ? "obeyed" : "ended";
}

} // namespace

const char* call_name(Call call) noexcept {
    static constexpr const char* names[kinds_of_calls] = {
        "cancel",        "terminate",       "drain",     "escalate", "lockdown_database",
        "lockdown_role", "lockdown_server", "limit_role"};
    return names[static_cast<int>(call)];
}

Call call_of(Action action) noexcept {
    switch (action) {
    case Action::cancel:
        return Call::cancel;
    case Action::drain:
        return Call::drain;
    case Action::escalate:
        return Call::escalate;
    default:
        return Call::terminate;
    }
}

bool is_left(const Target& target) noexcept {
    switch (target.outcome) {
    case Outcome::chosen:
    case Outcome::signalled:
    case Outcome::still_running:
    case Outcome::not_permitted:
    case Outcome::not_reached:
        return true;
    default:
        return false;
    }
}

Progress progress_of(const Plan& plan) noexcept {
    Progress progress = {};
    for (const Target& target : plan) {
        progress.chosen += was_chosen(target);
        progress.signalled += was_signalled(target);
        progress.done += is_done(target);
        progress.left += is_left(target);
    }
    return progress;
}

bool ProgressClock::is_due(Timestamp now) noexcept {
    if (now < next_)
        return false;
    next_ = now + report_interval;
    return true;
}

void Activities::add(const Activity& doing) {
    ++counts_[words_for(doing)];
}

string Activities::text() const {
    vector<std::pair<int, const char*>> groups;
    for (const auto& [words, number] : counts_)
        groups.push_back({number, words.c_str()});
    std::stable_sort(groups.begin(), groups.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    string text;
    int others = 0;
    for (std::size_t i = 0; i < groups.size(); ++i)
        if (i < most_groups)
            append_group(text, groups[i].first, groups[i].second);
        else
            others += groups[i].first;
    if (others > 0)
        append_group(text, others, "in another state");
    return text;
}

string progress_text(const Progress& progress, Call call, Timestamp waited) {
    char text[128];
    std::snprintf(text, sizeof text, "%lld of %lld session%s %s %s after %lld s",
                  static_cast<long long>(progress.done), static_cast<long long>(progress.chosen),
                  progress.chosen == 1 ? "" : "s", progress.chosen == 1 ? "has" : "have", participle(call),
                  static_cast<long long>(waited / microseconds_per_second));
    return text;
}

string progress_text(Call call, Timestamp waited) {
    char text[128];
    std::snprintf(text, sizeof text, "%s still waits after %lld s", call_name(call),
                  static_cast<long long>(waited / microseconds_per_second));
    return text;
}

} // namespace sessionctl::core
