#include "worker/reaper/limit_end_requests.hpp"

#include "core/reaper/violation_text.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "worker/reaper/limit_recheck.hpp"
#include "worker/reaper/violation_report.hpp"

namespace sessionctl::worker {

void LimitEndRequests::renew(const core::LimitViolation& violation, const pg::RosterEntry& entry,
                             pg::RecentLockWaits& waits) {
    const auto is_it = [&violation](const Request& each) {
        return each.target.session.id == violation.session.id;
    };
    auto request = std::find_if(requests_.begin(), requests_.end(), is_it);
    if (request == requests_.end()) {
        pg::AuditRecord record = record_of(violation, entry, waits);
        record.action.set("drain");
        const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
        requests_.push_back(
            {core::Target{}, core::DrainedSession(pg::monotonic_now()), violation.rule, false, record});
        request = requests_.end() - 1;
    }
    request->target.session = violation.session;
    request->record.set_field(request->record.reason, core::detail_of(violation).c_str());
    request->is_wanted = true;
    pg::put_lasting_message(violation.session, client_message_of(violation));
    requester_.ask(violation.session);
}

bool LimitEndRequests::settle(Request& request, core::LimitMonitor& monitor) {
    core::Target& target = request.target;
    const bool is_wanted = std::exchange(request.is_wanted, false);
    DrainBeforeCommit server;
    const bool is_over = request.asked.settle(target, is_wanted, server, requester_);
    if (target.outcome == core::Outcome::terminated || core::was_ended(target, requester_)) {
        if (!is_over)
            monitor.signalled(target.session);
        endings_.add({target.session, pg::CountedAction::reap, request.rule, false, pg::monotonic_now(),
                      request.record});
        return true;
    }
    if (target.outcome == core::Outcome::denied)
        monitor.exempt(target.session);
    if (!is_over && is_wanted)
        return false;
    requester_.withdraw(target.session);
    return true;
}

void LimitEndRequests::finish_look(core::LimitMonitor& monitor) {
    const auto is_settled = [&](Request& each) { return settle(each, monitor); };
    requests_.erase(std::remove_if(requests_.begin(), requests_.end(), is_settled), requests_.end());
}

void LimitEndRequests::finish() noexcept {
    for (const Request& request : requests_) {
        Ending ending = {request.target.session, pg::CountedAction::reap, request.rule, false, 0,
                         request.record};
        if (core::was_ended(request.target, requester_))
            Endings::finish(ending);
    }
    requests_.clear();
}

} // namespace sessionctl::worker
