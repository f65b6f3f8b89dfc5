#include "worker/limit_endings.hpp"

#include "core/reaper/limit_monitor.hpp"
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

} // namespace

void count(pg::CountedAction counted, core::Rule rule, bool has_ended) noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(counted, rule).add(has_ended);
}

void LimitEnding::record_outcome(core::Outcome outcome) noexcept {
    const bool has_ended = outcome == core::Outcome::terminated || outcome == core::Outcome::cancelled;
    record.result.set(core::outcome_name(outcome));
    pg::keep_record(record);
    count(is_cancel ? pg::CountedAction::reap_statement : pg::CountedAction::reap, rule, has_ended);
    pg::SharedMemory* const shared = pg::shared_memory();
    if (shared == nullptr || outcome != core::Outcome::terminated)
        return;
    ++shared->reaper.reaped;
    shared->reaper.last_reaped = record.at;
}

bool LimitEnding::settle(core::Timestamp longest_wait, core::Outcome otherwise) noexcept {
    bool goes_on = true;
    pg::callback([&] {
        const core::Observation observed = pg::look_at(session);
        goes_on = is_cancel ? core::runs_chosen_statement(session, observed) : observed.present;
    });
    if (goes_on && pg::monotonic_now() - signalled_at < longest_wait)
        return false;
    const core::Outcome done = is_cancel ? core::Outcome::cancelled : core::Outcome::terminated;
    record_outcome(goes_on ? otherwise : done);
    return true;
}

void LimitEndings::add(const LimitEnding& ending) {
    const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
    endings_.push_back(ending);
}

void LimitEndings::give_up_cancel_of(const core::Session& session) {
    const auto is_its_cancel = [&session](LimitEnding& each) {
        if (!each.is_cancel || each.session.id != session.id ||
            each.session.query_start != session.query_start)
            return false;
        each.record_outcome(core::Outcome::still_running);
        return true;
    };
    endings_.erase(std::remove_if(endings_.begin(), endings_.end(), is_its_cancel), endings_.end());
}

core::Timestamp LimitEndings::follow_up() {
    const auto is_settled = [](LimitEnding& each) {
        return each.settle(end_timeout, core::Outcome::still_running);
    };
    endings_.erase(std::remove_if(endings_.begin(), endings_.end(), is_settled), endings_.end());
    core::Timestamp next = core::LimitMonitor::never;
    const core::Timestamp now = pg::monotonic_now();
    for (const LimitEnding& ending : endings_)
        next = std::min(next, now + std::max(first_pause, (now - ending.signalled_at) / pause_divisor));
    return next;
}

void LimitEndings::finish() noexcept {
    for (LimitEnding& ending : endings_)
        ending.settle(0, core::Outcome::signalled);
    endings_.clear();
}

} // namespace sessionctl::worker
