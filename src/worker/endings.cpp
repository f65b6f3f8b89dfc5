#include "worker/endings.hpp"

#include "core/reaper/limit_monitor.hpp"
#include "core/sessions/plan.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/observation.hpp"

namespace sessionctl::worker {

namespace {

/// How long a session may take to end before the audit says that it is still there.
constexpr core::Timestamp end_timeout = 5 * core::microseconds_per_second;
constexpr core::Timestamp first_pause = core::microseconds_per_millisecond;
constexpr core::Timestamp pause_divisor = 20;

void record_outcome(Ending& ending, core::Outcome outcome) noexcept {
    const bool has_ended = outcome == core::Outcome::terminated || outcome == core::Outcome::cancelled;
    ending.record.result.set(core::outcome_name(outcome));
    (ending.is_only_logged ? pg::log_record : pg::keep_record)(ending.record, pg::own_encoding());
    pg::SharedMemory* const shared = pg::shared_memory();
    if (shared == nullptr)
        return;
    shared->counter(ending.counted, ending.rule).add(has_ended);
    if (outcome != core::Outcome::terminated)
        return;
    ++shared->reaper.reaped;
    shared->reaper.last_reaped = ending.record.at;
}

/// Records the outcome and returns true when the session or statement has ended, or the wait is given up.
bool settle(Ending& ending, core::Timestamp longest_wait, core::Outcome otherwise) noexcept {
    bool goes_on = true;
    pg::callback([&] {
        const core::Observation observed = pg::look_at(ending.session);
        goes_on = ending.is_cancel ? core::runs_chosen_statement(ending.session, observed) : observed.present;
    });
    if (goes_on && pg::monotonic_now() - ending.signalled_at < longest_wait)
        return false;
    const core::Outcome done = ending.is_cancel ? core::Outcome::cancelled : core::Outcome::terminated;
    record_outcome(ending, goes_on ? otherwise : done);
    return true;
}

bool is_cancel_of(const Ending& ending, const core::Session& session) noexcept {
    return ending.is_cancel && ending.session.id == session.id &&
           ending.session.query_start == session.query_start;
}

} // namespace

void Endings::add(const Ending& ending) {
    const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
    endings_.push_back(ending);
}

bool Endings::is_under_way(const core::Session& session, bool is_cancel) const noexcept {
    return std::any_of(endings_.begin(), endings_.end(), [&](const Ending& ending) {
        return (!ending.is_cancel && ending.session.id == session.id) ||
               (is_cancel && is_cancel_of(ending, session));
    });
}

void Endings::give_up_cancel_of(const core::Session& session) {
    const auto is_its_cancel = [&session](Ending& each) {
        if (!is_cancel_of(each, session))
            return false;
        record_outcome(each, core::Outcome::still_running);
        return true;
    };
    endings_.erase(std::remove_if(endings_.begin(), endings_.end(), is_its_cancel), endings_.end());
}

core::Timestamp Endings::follow_up() {
    const auto is_settled = [](Ending& each) {
        return settle(each, end_timeout, core::Outcome::still_running);
    };
    endings_.erase(std::remove_if(endings_.begin(), endings_.end(), is_settled), endings_.end());
    core::Timestamp next = core::LimitMonitor::never;
    const core::Timestamp now = pg::monotonic_now();
    for (const Ending& ending : endings_)
        next = std::min(next, now + std::max(first_pause, (now - ending.signalled_at) / pause_divisor));
    return next;
}

void Endings::finish(Ending& ending) noexcept {
    settle(ending, 0, core::Outcome::signalled);
}

void Endings::finish() noexcept {
    for (Ending& ending : endings_)
        finish(ending);
    endings_.clear();
}

} // namespace sessionctl::worker
