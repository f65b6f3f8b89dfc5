#include "worker/rules/rules_starter.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/rules/rules_process.hpp"
#include "pg/sessions/resource_use.hpp"
#include "pg/sessions/signals.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "postmaster/bgworker.h"
}

#include <csignal>

namespace sessionctl::worker {

namespace {

/// A standby is not told when replay changes the rules.
constexpr core::Timestamp standby_start_interval = 60 * core::microseconds_per_second;
/// A worker that has lasted for so long did not fail because of its start.
constexpr core::Timestamp long_life = 60 * core::microseconds_per_second;
/// After that it is worth a line in the log.
constexpr core::Timestamp long_command = 10 * core::microseconds_per_second;
/// How long a worker that was told to end may take, before another one takes its place.
constexpr core::Timestamp longest_worker_end = 5 * core::microseconds_per_second;

bool database_exists() {
    pg::CatalogScope catalogs;
    const bool exists =
        pg::call([] { return OidIsValid(get_database_oid(pg::rules_database_setting(), true)); });
    catalogs.leave();
    return exists;
}

bool launch() {
    return pg::call([] {
        BackgroundWorker worker = compat::describe_worker(pg::rules_name, pg::rules_function);
        worker.bgw_restart_time = BGW_NEVER_RESTART;
        BackgroundWorkerHandle* handle = nullptr;
        const bool is_registered = RegisterDynamicBackgroundWorker(&worker, &handle);
        if (is_registered)
            pfree(handle);
        return is_registered;
    });
}

/// For how long others had the processor since the check began: it did not go on then.
core::Timestamp standstill(const pg::SharedRules& rules) noexcept {
    return pg::wait_for_processor(rules.pid) - rules.waited_before;
}

/// Its name, in memory of the caller.
core::string switch_off(std::int32_t number) {
    pg::SharedMemory& shared = *pg::shared_memory();
    pg::RuleRecord& record = shared.rules.records[number];
    char name[sizeof record.name];
    pg::call([&] {
        LWLockAcquire(shared.rules_lock, LW_EXCLUSIVE);
        record.set_error("its check went on for more than twice pg_sessionctl.rule_timeout: the rule is off "
                         "until it is altered");
        record.is_switched_off = true;
        record.switched_off_at = pg::monotonic_now();
        ++record.checks;
        ++record.errors;
        strlcpy(name, record.name, sizeof name);
        LWLockRelease(shared.rules_lock);
    });
    return name;
}

} // namespace

core::Timestamp RulesStarter::look() {
    const pg::SharedMemory* const shared = pg::shared_memory();
    if (shared == nullptr || IsBinaryUpgrade)
        return INT64_MAX;
    const core::Timestamp now = pg::monotonic_now();
    if (shared->rules.pid != 0)
        return watch(now);
    if (pg::rules_setting() == pg::RulesMode::off)
        return INT64_MAX;
    if (shared->rules.kept_away > 0)
        return tell_if_kept_away_for_long(now);
    kept_away_since_ = 0;
    if (shared->rules.nothing_to_do_at != left_in_order_at_ || shared->rules.lasted > long_life)
        starts_.changed();
    if (is_wanted(now))
        return starts_.is_due(now) ? start(now) : starts_.next();
    return standby_look_;
}

void RulesStarter::reconsider() noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        ++shared->rules.changes;
}

bool RulesStarter::is_wanted(core::Timestamp now) const noexcept {
    const pg::SharedRules& rules = pg::shared_memory()->rules;
    return rules.nothing_to_do_at != rules.changes || now >= standby_look_;
}

core::Timestamp RulesStarter::tell_if_kept_away_for_long(core::Timestamp now) {
    if (kept_away_since_ == 0) {
        kept_away_since_ = now;
        is_told_ = false;
    }
    const core::Timestamp due = kept_away_since_ + long_command;
    if (now < due)
        return due;
    if (!std::exchange(is_told_, true))
        pg::call([] {
            ereport(LOG, (errmsg("pg_sessionctl: the session rules are not carried out: a transaction needs "
                                 "their database for itself, and does not end")));
        });
    return INT64_MAX;
}

/// The server has no other way to end a function that takes every cancel for an error of its own.
core::Timestamp RulesStarter::watch(core::Timestamp now) {
    pg::SharedRules& rules = pg::shared_memory()->rules;
    if (rules.told_to_end != 0)
        return await_end(now);
    const core::Timestamp until = rules.checking_until;
    if (until == 0)
        return INT64_MAX;
    const core::Timestamp due = now < until ? until : until + standstill(rules);
    if (now < due)
        return due;
    const std::int32_t number = rules.checking;
    pg::Signaller signaller;
    const std::int32_t pid = rules.pid;
    if (number == pg::SharedRules::none || pid == 0 || !signaller.pin(pid) || rules.pid != pid ||
        rules.checking_until != until)
        return now + core::microseconds_per_millisecond;
    const core::string name = switch_off(number);
    rules.told_to_end = now;
    signaller.send(SIGTERM);
    starts_.changed(); // the next one does not fail because of its start
    pg::call([&name] {
        ereport(LOG, (errmsg("pg_sessionctl: rule \"%s\" is switched off: its check did not end",
                             pg::ShownName(name.c_str()).text())));
    });
    return now + longest_worker_end;
}

/// A function that looks for no signal does not end by one, and any other kind would end the server.
core::Timestamp RulesStarter::await_end(core::Timestamp now) {
    pg::SharedMemory& shared = *pg::shared_memory();
    const core::Timestamp due = shared.rules.told_to_end + longest_worker_end;
    if (now < due)
        return due;
    const std::int32_t pid = shared.rules.pid;
    const bool is_abandoned = pg::call([&shared] {
        LWLockAcquire(shared.rules_lock, LW_EXCLUSIVE);
        const bool done = shared.rules.pid == 0 || shared.rules.abandon();
        LWLockRelease(shared.rules_lock);
        return done;
    });
    if (!is_abandoned)
        return INT64_MAX; // its end wakes the reaper
    pg::call([pid] {
        ereport(LOG, (errmsg("pg_sessionctl: process %d, whose check of a session rule did not end, is left "
                             "behind: another one carries out the rules",
                             pid)));
    });
    return now;
}

core::Timestamp RulesStarter::start(core::Timestamp now) {
    // Once more after a promotion: replay may have changed the rules until then.
    standby_look_ = RecoveryInProgress() ? now + standby_start_interval : INT64_MAX;
    pg::SharedRules& rules = pg::shared_memory()->rules;
    left_in_order_at_ = rules.nothing_to_do_at;
    rules.lasted = 0;
    const char* problem = nullptr;
    if (!database_exists())
        problem = "the database that pg_sessionctl.rules_database names does not exist";
    else if (!launch())
        problem = "the server has no room for another background worker";
    const bool is_first = starts_.failed(now); // until it is seen to be none
    if (problem != nullptr && is_first)
        pg::call([problem] {
            ereport(LOG, (errmsg("pg_sessionctl: the session rules are not carried out: %s", problem)));
        });
    return starts_.next();
}

} // namespace sessionctl::worker
