#include "worker/reaper/limit_enforcer.hpp"

#include "core/sessions/signal_and_prove.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/reaper/limit_parameters.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "worker/exemptions.hpp"
#include "worker/reaper/limit_recheck.hpp"
#include "worker/reaper/violation_report.hpp"

namespace sessionctl::worker {

namespace {

/// Of a statement whose transaction is over. A procedure has none for a moment, between two.
constexpr core::Timestamp longest_between_transactions = 100 * core::microseconds_per_millisecond;

void count_log(core::Rule rule) noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(pg::CountedAction::log, rule).add(false);
}

} // namespace

bool LimitEnforcer::enforce(const core::LimitViolation& violation, core::LimitMonitor& monitor) {
    pg::CatalogScope catalogs;
    const pg::Roster roster = pg::Roster::take_one(violation.session);
    const bool is_gone = roster.entries.empty();
    const bool is_spared = !is_gone && is_exempt(roster.entries.front());
    catalogs.leave();
    if (is_gone)
        return true;
    if (is_spared) {
        monitor.exempt(violation.session);
        return true;
    }
    const bool may_end = pg::reaper_action_setting() == pg::ReaperAction::terminate;
    if (may_end && violation.rule == core::Rule::lifetime) {
        requests_.renew(violation, roster.entries.front(), waits_);
        return true;
    }
    const LocalTransactionId transaction = pg::transaction_of(violation.session);
    const bool has_ended = violation.is_cancel && has_ended_statement(violation.session, transaction);
    if (has_ended || pg::is_past_abort(violation.session)) {
        if (may_end)
            pg::want_look_before_next_commit(violation.session, pg::Watcher::reaper);
        const core::Timestamp lasts = monitor.look_again_in_commit(violation, transaction);
        if (!has_ended || lasts < longest_between_transactions)
            return !may_end;
        if (may_end) {
            monitor.cancelled(violation); // nothing is left to be: if it stays so, its session is ended
            return true;
        }
    }
    pg::AuditRecord record = record_of(violation, roster.entries.front(), waits_);
    if (may_end) {
        end(violation, record, monitor);
        return true;
    }
    record.action.set("log");
    record.result.set("spared");
    pg::keep_record(record);
    count_log(violation.rule);
    monitor.logged(violation);
    return true;
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
            endings_.give_up_cancel_of(violation.session);
        record.action.set(violation.is_cancel ? "cancel" : "terminate");
        endings_.add({violation.session,
                      violation.is_cancel ? pg::CountedAction::reap_statement : pg::CountedAction::reap,
                      violation.rule, violation.is_cancel, target.signalled_at, record});
    } else if (target.outcome == core::Outcome::denied) {
        monitor.exempt(violation.session);
    } else {
        monitor.look_again_soon();
    }
}

void LimitEnforcer::finish_look(core::LimitMonitor& monitor) {
    requests_.finish_look(monitor);
}

void LimitEnforcer::finish() noexcept {
    requests_.finish();
}

} // namespace sessionctl::worker
