// lockdown_database and unlock_database: logins are refused first, then the sessions are terminated.

#include "api/keep_out/database_in_use.hpp"
#include "api/keep_out/unlock.hpp"
#include "api/serve.hpp"
#include "core/error.hpp"
#include "pg/keep_out/login_lock.hpp"
#include "pg/keep_out/pgbouncer.hpp"
#include "pg/locks/lock_deadline.hpp"
#include "pg/logins/pending_logins.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/progress.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;
using pg::Lockable;

namespace {

struct LockdownOptions {
    const char* database;
    Oid oid;
    bool include_superusers;
    bool terminate;
    const char* pool;
    Request request; // timeout and reason
};

/// Logins that wait for the lock on the database would each occupy a connection slot, and be refused in the
/// end.
class EndQueuedLogins final : public api::PeriodicTask {
  public:
    explicit EndQueuedLogins(const LockdownOptions& options)
        : options_(options), next_(pg::monotonic_now() + interval) {}

    void run() override {
        if (pg::monotonic_now() < next_)
            return;
        pg::end_logins_to_database(options_.oid, options_.include_superusers);
        next_ = pg::monotonic_now() + interval;
    }

  private:
    static constexpr core::Timestamp interval = 100 * core::microseconds_per_millisecond;

    const LockdownOptions& options_;
    core::Timestamp next_;
};

LockdownOptions read_options(FunctionCallInfo fcinfo) {
    Arguments arguments(fcinfo);
    LockdownOptions options;
    options.database = arguments.text("database");
    options.include_superusers = arguments.boolean("include_superusers");
    options.terminate = arguments.boolean("terminate");
    options.pool = arguments.text_or_null();
    api::read_wait(arguments, options.request);
    if (options.request.timeout > pg::longest_hold)
        throw core::Error(core::sqlstate::invalid_parameter_value, "timeout must not be longer than 2 s")
            .detail("While the function waits, no role can log in to the database, not even a superuser.")
            .hint("Use a shorter timeout, then end the remaining sessions with "
                  "sessionctl.terminate_database_sessions.");
    options.oid = pg::call([&options] { return get_database_oid(options.database, false); }); // 3D000
    return options;
}

core::LoginSettings closed(const core::LoginSettings& before, bool include_superusers) noexcept {
    return {0, before.is_open && !include_superusers};
}

/// PostgreSQL refuses it, too, from 9.5 on. Nor may two sessions close each other's database.
void require_other_database(const LockdownOptions& options) {
    if (!options.include_superusers)
        return;
    if (options.oid == MyDatabaseId)
        throw core::Error(core::sqlstate::invalid_parameter_value,
                          "cannot lock superusers out of the current database")
            .hint("Call it from another database that has the extension.");
    pg::keep_own_database_open();
}

void close(const LockdownOptions& options, bool has_paused_pool) {
    const core::LoginSettings before = api::login_settings_of(Lockable::database, options.oid);
    const core::LoginSettings during = closed(before, options.include_superusers);
    api::set_login_settings(Lockable::database, options.database, options.oid, before, during);
    core::Lockdown lockdown = api::new_lockdown(before, during, options.request.reason);
    if (has_paused_pool) { // not one that was paused before
        lockdown.pool = pg::kept_text(options.pool);
        lockdown.pool_database = pg::kept_name(options.database);
    }
    api::record_lockdown(Lockable::database, options.database, options.oid, std::move(lockdown),
                         options.request.reason);
}

std::int64_t end_sessions(LockdownOptions& options, core::Timestamp hold_ends) {
    if (!options.terminate)
        return 0;
    Request& request = options.request;
    request.guards.include.superusers = options.include_superusers;
    request.guards.include.database_walsenders = true;
    const core::Timestamp left = (hold_ends - pg::monotonic_now()) / core::microseconds_per_millisecond;
    request.timeout = std::min<std::int64_t>(request.timeout, std::max<std::int64_t>(left, 1));
    EndQueuedLogins queue(options);
    request.meanwhile = &queue;
    return api::terminate(request, "datid = $1", api::oid_value(options.oid));
}

std::int64_t lock_down(LockdownOptions& options, bool has_paused_pool) {
    pg::lock_logins(options.oid, options.database,
                    options.include_superusers ? pg::EndLogins::superusers_too : pg::EndLogins::clients);
    const core::Timestamp hold_ends =
        pg::monotonic_now() + pg::longest_login_lock_hold * core::microseconds_per_millisecond;
    close(options, has_paused_pool);
    const std::int64_t ended = end_sessions(options, hold_ends);
    api::report_background(options.database, options.oid);
    api::report_remaining_objects(options.database, options.oid);
    return ended;
}

std::int64_t lock_down_behind_pool(LockdownOptions& options) {
    const bool has_paused_pool = pg::pause_pool(options.pool, options.database);
    if (has_paused_pool)
        pg::keep_paused_if_committed(options.pool, options.database);
    try {
        return pg::in_subtransaction([&] { return lock_down(options, has_paused_pool); });
    } catch (...) {
        if (has_paused_pool)
            pg::resume_after_failure(options.pool, options.database);
        throw;
    }
}

/// The database stays locked until the commit: logins of the pool wait for it, and are then admitted.
void unlock_and_resume(const char* name, Oid oid, const core::LoginSettings& current,
                       const core::LoginSettings& settings, const core::Lockdown& lockdown) {
    const core::string server = pg::shown_utf8(lockdown.pool);
    const core::string database = pg::shown_utf8(lockdown.pool_database);
    if (!pg::resume_pool_after(server.c_str(), database.c_str(), [&] {
            pg::lock_logins(oid, name, pg::EndLogins::none);
            api::unlock(Lockable::database, name, oid, current, settings);
        }))
        api::unlock(Lockable::database, name, oid, current, settings);
}

/// The lock would be held for as long as a synchronous standby does not answer.
void commit_without_standbys() {
    pg::call([] { compat::lower_synchronous_commit(); });
}

} // namespace

SQL_FUNCTION(sessionctl_lockdown_database)
{
    return api::serve([&]() -> Datum {
        pg::require_primary("lockdown_database");
        pg::require_own_transaction("lockdown_database");
        const pg::ScratchMemory scratch;
        const pg::Progress progress(core::Call::lockdown_database);
        LockdownOptions options = read_options(fcinfo);
        pg::require_owner(options.oid, options.database);
        require_other_database(options);
        commit_without_standbys();
        return Int64GetDatum(options.pool != nullptr ? lock_down_behind_pool(options)
                                                     : lock_down(options, false));
    });
}

SQL_FUNCTION(sessionctl_unlock_database)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        const char* const name = arguments.text("database");
        pg::require_primary("unlock_database");
        const Oid oid = pg::call([name] { return get_database_oid(name, false); });
        return api::end_lockdown(
            Lockable::database, name, oid, [=] { pg::require_owner(oid, name); },
            [=](const core::Lockdown& lockdown, const core::LoginSettings& current,
                const core::LoginSettings& before) {
                if (lockdown.pool.empty()) {
                    api::unlock(Lockable::database, name, oid, current, before);
                    return;
                }
                pg::require_own_transaction("unlock_database with a paused pool");
                commit_without_standbys();
                unlock_and_resume(name, oid, current, before, lockdown);
            });
    });
}
