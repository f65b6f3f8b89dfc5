#include "worker/limit_enforcer.hpp"

#include "core/reaper/violation_text.hpp"
#include "core/sessions/signal_and_prove.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/clients/inactivity.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/reaper/limit_parameters.hpp"
#include "pg/sessions/drain_server.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::worker {

namespace {

/// How long a session may take to end before the audit says that it is still there.
constexpr core::Timestamp end_timeout = 5 * core::microseconds_per_second;
constexpr core::Timestamp first_pause = core::microseconds_per_millisecond;
constexpr core::Timestamp pause_divisor = 20;

bool is_exempt(const pg::RosterEntry& entry) {
    if (entry.facts.is_superuser && !pg::reap_superusers_setting())
        return true;
    return entry.facts.is_protected || pg::is_exempt_role(entry.role) ||
           (entry.database_name != nullptr && pg::is_exempt_database(entry.database_name)) ||
           pg::is_exempt_application(entry.application_name);
}

pg::ClientMessage client_message_of(const core::LimitViolation& violation) {
    pg::ClientMessage client_message;
    std::snprintf(client_message.detail, sizeof client_message.detail, "%s",
                  core::detail_of(violation).c_str());
    std::snprintf(client_message.hint, sizeof client_message.hint, "%s", core::hint_of(violation));
    return client_message;
}

pg::AuditRecord record_of(const core::LimitViolation& violation, const pg::RosterEntry& entry) {
    pg::AuditRecord record = {};
    record.describe(entry);
    record.by_session_id.set(core::SessionId(pg::own_identity()).text);
    record.rule.set(core::rule_name(violation.rule));
    record.set_field(record.reason, core::detail_of(violation).c_str());
    return record;
}

core::Recheck recheck_of(const core::LimitViolation& violation) noexcept {
    if (core::is_for_unread_notifications(violation))
        return core::Recheck::idleness;
    switch (violation.rule) {
    case core::Rule::transaction:
        return core::Recheck::transaction;
    case core::Rule::client_silence:
    case core::Rule::statement:
        return core::Recheck::statement;
    case core::Rule::client_gone:
        return core::Recheck::identity;
    default:
        return core::Recheck::idleness;
    }
}

/// The server for the recheck just before the signal. A session that is shown as idle but is runnable has its
/// client's next statement already.
class RecheckingServer final : public pg::LiveServer {
  public:
    RecheckingServer(const pg::ClientMessage& client_message, const core::LimitViolation& violation)
        : LiveServer(client_message), violation_(violation) {}

    /// A signal would end the wait for a synchronous standby: the client would be told of a commit that no
    /// standby has.
    bool spares(const core::Session& session) override {
        if (pg::is_in_commit(session))
            return true;
        if (violation_.rule == core::Rule::client_gone)
            return !pg::is_client_gone(session);
        if (core::is_for_silence(violation_))
            return !is_still_silent(session);
        return recheck_of(violation_) == core::Recheck::idleness && pg::is_runnable(session.id.pid);
    }

  private:
    /// Since the violation was found.
    bool is_still_silent(const core::Session& session) const noexcept {
        const core::Inactivity now = pg::inactivity_of(session);
        return now.is_asleep && now.switches == violation_.switches &&
               pg::client_wait_of(session) != pg::ClientWait::none;
    }

    const core::LimitViolation& violation_;
};

/// The same for a session that was asked to end.
class RecheckingDrainServer final : public pg::DrainServer {
  public:
    /// No limit applies while it streams.
    bool spares(const core::Session& session) override {
        return pg::is_in_commit(session) || pg::is_streaming(session);
    }
};

void count(pg::CountedAction counted, core::Rule rule, bool has_ended) noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(counted, rule).add(has_ended);
}

} // namespace

void LimitEnforcer::enforce(const core::LimitViolation& violation, core::LimitMonitor& monitor) {
    pg::CatalogScope catalogs;
    const pg::Roster roster = pg::Roster::take_one(violation.session);
    const bool is_gone = roster.entries.empty();
    const bool is_spared = !is_gone && is_exempt(roster.entries.front());
    catalogs.leave();
    if (is_gone)
        return;
    if (is_spared) {
        monitor.exempt(violation.session);
        return;
    }
    const bool may_end = pg::reaper_action_setting() == pg::ReaperAction::terminate;
    if (may_end && violation.rule == core::Rule::lifetime) {
        ask_to_end(violation, roster.entries.front());
        return;
    }
    if (pg::is_in_commit(violation.session)) {
        monitor.look_again_later();
        return;
    }
    pg::AuditRecord record = record_of(violation, roster.entries.front());
    record.evidence = pg::evidence_of(roster.entries.front(), waits_);
    if (may_end) {
        end(violation, record, monitor);
        return;
    }
    record.action.set("log");
    record.result.set("spared");
    pg::keep_record(record);
    count(pg::CountedAction::log, violation.rule, false);
    monitor.logged(violation);
}

/// Renewed at each look: the limit and the client message may have changed.
void LimitEnforcer::ask_to_end(const core::LimitViolation& violation, const pg::RosterEntry& entry) {
    const auto is_it = [&violation](const Request& each) {
        return each.target.session.id == violation.session.id;
    };
    auto request = std::find_if(requests_.begin(), requests_.end(), is_it);
    if (request == requests_.end()) {
        pg::AuditRecord record = record_of(violation, entry);
        record.evidence = pg::evidence_of(entry, waits_);
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

/// True when the request is over: the session ends, is gone, or may stay.
bool LimitEnforcer::settle(Request& request, core::LimitMonitor& monitor) {
    core::Target& target = request.target;
    const bool is_wanted = std::exchange(request.is_wanted, false);
    RecheckingDrainServer server;
    const bool is_over = request.asked.settle(target, is_wanted, server, requester_);
    if (target.outcome == core::Outcome::terminated || core::was_ended(target, requester_)) {
        if (!is_over)
            monitor.signalled(target.session);
        const pg::MemoryScope lasting(TopMemoryContext);
        endings_.push_back({target.session, request.rule, false, pg::monotonic_now(), request.record});
        return true;
    }
    if (target.outcome == core::Outcome::denied)
        monitor.exempt(target.session);
    if (!is_over && is_wanted)
        return false;
    requester_.withdraw(target.session);
    return true;
}

void LimitEnforcer::finish_look(core::LimitMonitor& monitor) {
    const auto is_settled = [&](Request& each) { return settle(each, monitor); };
    requests_.erase(std::remove_if(requests_.begin(), requests_.end(), is_settled), requests_.end());
}

void LimitEnforcer::end(const core::LimitViolation& violation, pg::AuditRecord& record,
                        core::LimitMonitor& monitor) {
    const pg::ClientMessage client_message = client_message_of(violation);
    core::Target target = {};
    target.session = violation.session;
    RecheckingServer server(client_message, violation);
    const core::Action action = violation.is_cancel ? core::Action::cancel : core::Action::terminate;
    core::signal_one(target, action, recheck_of(violation), server);
    if (target.outcome == core::Outcome::signalled) {
        if (violation.is_cancel)
            monitor.cancelled(violation);
        else
            monitor.signalled(violation.session);
        if (violation.rule == core::Rule::statement && !violation.is_cancel)
            give_up_cancel_of(violation.session);
        record.action.set(violation.is_cancel ? "cancel" : "terminate");
        const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
        endings_.push_back(
            {violation.session, violation.rule, violation.is_cancel, target.signalled_at, record});
    } else if (target.outcome == core::Outcome::denied) {
        monitor.exempt(violation.session);
    } else {
        monitor.look_again_soon();
    }
}

/// The session is terminated: the end of its statement is not an effect of the cancel.
void LimitEnforcer::give_up_cancel_of(const core::Session& session) {
    const auto is_its_cancel = [&session](Ending& each) {
        if (!each.is_cancel || each.session.id != session.id ||
            each.session.query_start != session.query_start)
            return false;
        record_outcome(each, core::Outcome::still_running);
        return true;
    };
    endings_.erase(std::remove_if(endings_.begin(), endings_.end(), is_its_cancel), endings_.end());
}

void LimitEnforcer::record_outcome(Ending& ending, core::Outcome outcome) noexcept {
    const bool has_ended = outcome == core::Outcome::terminated || outcome == core::Outcome::cancelled;
    ending.record.result.set(core::outcome_name(outcome));
    pg::keep_record(ending.record);
    count(ending.is_cancel ? pg::CountedAction::reap_statement : pg::CountedAction::reap, ending.rule,
          has_ended);
    pg::SharedMemory* const shared = pg::shared_memory();
    if (shared == nullptr || outcome != core::Outcome::terminated)
        return;
    ++shared->reaper.reaped;
    shared->reaper.last_reaped = ending.record.at;
}

/// Records the outcome and returns true when the session or statement has ended, or the wait is given up.
bool LimitEnforcer::settle(Ending& ending, core::Timestamp longest_wait, core::Outcome otherwise) noexcept {
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

void LimitEnforcer::finish() noexcept {
    for (const Request& request : requests_) {
        Ending ending = {request.target.session, request.rule, false, 0, request.record};
        if (core::was_ended(request.target, requester_))
            settle(ending, 0, core::Outcome::signalled);
    }
    requests_.clear();
    for (Ending& ending : endings_)
        settle(ending, 0, core::Outcome::signalled);
    endings_.clear();
}

core::Timestamp LimitEnforcer::follow_up() {
    const auto is_settled = [this](Ending& each) {
        return settle(each, end_timeout, core::Outcome::still_running);
    };
    endings_.erase(std::remove_if(endings_.begin(), endings_.end(), is_settled), endings_.end());
    core::Timestamp next = core::LimitMonitor::never;
    const core::Timestamp now = pg::monotonic_now();
    for (const Ending& ending : endings_)
        next = std::min(next, now + std::max(first_pause, (now - ending.signalled_at) / pause_divisor));
    return next;
}

} // namespace sessionctl::worker
