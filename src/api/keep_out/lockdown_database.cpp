// lockdown_database and unlock_database: the door is closed before the room is emptied, and stays shut.

#include "api/keep_out/lockdown.hpp"
#include "api/serve.hpp"
#include "core/error.hpp"
#include "pg/encoding.hpp"
#include "pg/keep_out/login_lock.hpp"
#include "pg/keep_out/pending_logins.hpp"
#include "pg/keep_out/pool.hpp"
#include "pg/locks/lock_deadline.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/disclosure.hpp"
#include "pg/sessions/progress.hpp"
#include "pg/sql.hpp"
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

struct Wish {
    const char* database;
    Oid oid;
    bool include_superusers;
    bool terminate;
    const char* pool;
    Request request; // timeout and reason
};

/// Who queues at the door meanwhile would keep a slot of the server each, and be refused in the end.
class TurnAwayQueue final : public api::Errand {
  public:
    explicit TurnAwayQueue(const Wish& wish) : wish_(wish), next_(pg::monotonic_now() + interval) {}

    void run() override {
        if (pg::monotonic_now() < next_)
            return;
        pg::turn_away_from_database(wish_.oid, wish_.include_superusers);
        next_ = pg::monotonic_now() + interval;
    }

  private:
    static constexpr core::Timestamp interval = 100 * core::microseconds_per_millisecond;

    const Wish& wish_;
    core::Timestamp next_;
};

Wish read_wish(FunctionCallInfo fcinfo) {
    Arguments arguments(fcinfo);
    Wish wish;
    wish.database = arguments.text("database");
    wish.include_superusers = arguments.boolean("include_superusers");
    wish.terminate = arguments.boolean("terminate");
    wish.pool = arguments.text_or_null();
    api::read_wait(arguments, wish.request);
    if (wish.request.timeout > pg::longest_hold)
        throw core::Error(core::sqlstate::invalid_parameter_value, "timeout must not be longer than 2 s here")
            .detail("While it waits nobody can log in to the database, superusers included.")
            .hint("Close the door with a short timeout; then end who is left with "
                  "terminate_database_sessions.");
    wish.oid = pg::call([&wish] { return get_database_oid(wish.database, false); }); // 3D000
    return wish;
}

core::Door closed(const core::Door& before, bool include_superusers) noexcept {
    return {0, before.is_open && !include_superusers};
}

/// As core refuses it on 9.5 and later. Two sessions must not close each other's either.
void require_other_database(const Wish& wish) {
    if (!wish.include_superusers)
        return;
    if (wish.oid == MyDatabaseId)
        throw core::Error(core::sqlstate::invalid_parameter_value,
                          "cannot shut superusers out of the database that you are connected to")
            .hint("Call it from another database that has the extension.");
    pg::keep_own_database_open();
}

void close(const Wish& wish, bool has_paused_pool) {
    const core::Door before = api::door_of(Lockable::database, wish.oid);
    const core::Door during = closed(before, wish.include_superusers);
    api::set_door(Lockable::database, wish.database, wish.oid, before, during);
    core::Lockdown lockdown = api::new_lockdown(before, during, wish.request.reason);
    if (has_paused_pool) { // one that was paused before stays so
        lockdown.pool = pg::kept_text(wish.pool);
        lockdown.pool_database = pg::kept_name(wish.database);
    }
    pg::remember(Lockable::database, wish.database,
                 core::renewed(pg::remembered(Lockable::database, wish.oid), std::move(lockdown)));
    api::keep_in_audit("lockdown_database", "closed", Lockable::database, wish.database, during,
                       wish.request.reason);
}

std::int64_t empty(Wish& wish, core::Timestamp hold_ends) {
    if (!wish.terminate)
        return 0;
    Request& request = wish.request;
    request.guards.include.superusers = wish.include_superusers;
    request.guards.include.database_walsenders = true;
    const core::Timestamp left = (hold_ends - pg::monotonic_now()) / core::microseconds_per_millisecond;
    request.timeout = std::min<std::int64_t>(request.timeout, std::max<std::int64_t>(left, 1));
    TurnAwayQueue queue(wish);
    request.meanwhile = &queue;
    return api::terminate(request, "datid = $1", api::oid_value(wish.oid));
}

/// What no session's end removes from a database. Its names are of that database's encoding.
class Remains {
  public:
    explicit Remains(const Wish& wish)
        : database_(pg::sql_literal(wish.database)), encoding_(pg::encoding_of(wish.oid)) {}

    /// The query lacks the database's name at its end.
    void add(const char* kind, core::string (*written)(const char*), const char* query) {
        const core::string whole = core::string(query).append(database_).append(" ORDER BY 1");
        for (const char* const each : pg::query_column(whole.c_str()))
            list_.append(list_.empty() ? "" : ", ")
                .append(kind)
                .append(written(pg::shown_text(each, encoding_).c_str()));
    }

    core::string list() { return std::move(list_); }

  private:
    const core::string database_;
    const int encoding_;
    core::string list_;
};

core::string what_remains(const Wish& wish) {
    Remains remains(wish);
    remains.add("logical replication slot ", pg::sql_identifier,
                "SELECT slot_name FROM pg_replication_slots WHERE database = ");
    remains.add("prepared transaction ", pg::sql_literal,
                "SELECT gid FROM pg_prepared_xacts WHERE database = ");
    if (compat::has_subscriptions)
        remains.add("subscription ", pg::sql_identifier,
                    "SELECT subname FROM pg_subscription, pg_database AS d WHERE subdbid = d.oid "
                    "AND datname = ");
    return remains.list();
}

/// A caller who may not read one of these catalogs is told nothing.
void tell_what_remains(const Wish& wish) {
    core::string list;
    try {
        list = pg::in_subtransaction([&wish] { return what_remains(wish); });
    } catch (const pg::PgError& error) {
        if (error.data()->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
            throw;
    }
    if (list.empty())
        return;
    const pg::ShownName database(wish.database);
    pg::call([&] {
        ereport(NOTICE,
                (errmsg("in database \"%s\" remains what no end of a session removes", database.text()),
                 errdetail("%s.", list.c_str()),
                 errhint("ROLLBACK PREPARED (in that database), pg_drop_replication_slot() and ALTER "
                         "SUBSCRIPTION ... DISABLE remove them.")));
    });
}

bool prevents_wraparound(const pg::RosterEntry& entry) noexcept {
    constexpr std::string_view ending = "(to prevent wraparound)";
    const std::string_view query = entry.query;
    return entry.facts.kind == core::Kind::autovacuum_worker && query.size() >= ending.size() &&
           query.substr(query.size() - ending.size()) == ending;
}

/// process 4711 (autovacuum worker, to prevent wraparound)
core::string described(const pg::RosterEntry& entry) {
    char process[32];
    std::snprintf(process, sizeof process, "process %d (", entry.facts.id.pid);
    core::string text(process);
    // Its maker has named it. Only who may see it is told.
    if (pg::may_tell(entry.facts) && entry.backend_type != nullptr)
        text.append(pg::one_line(entry.backend_type));
    else
        text.append("background process");
    if (pg::may_tell(entry.facts) && prevents_wraparound(entry))
        text.append(", to prevent wraparound");
    return text.append(")");
}

/// They are no sessions that a lockdown ends. Who may neither see nor end one counts it as a session denied.
void tell_background(const Wish& wish) {
    const pg::Roster roster = pg::Roster::take();
    core::string list;
    int count = 0;
    for (const pg::RosterEntry& entry : roster.entries) {
        if (entry.database != wish.oid || !core::is_background(entry.facts.kind) ||
            !(entry.facts.is_visible || entry.facts.may_signal))
            continue;
        list.append(count++ == 0 ? "" : ", ").append(described(entry));
    }
    if (count == 0)
        return;
    list[0] = 'P';
    const pg::ShownName database(wish.database);
    pg::call([&] {
        ereport(
            NOTICE,
            (errmsg_plural("%d background process stays in database \"%s\"",
                           "%d background processes stay in database \"%s\"", count, count, database.text()),
             errdetail("%s.", list.c_str()),
             errhint("DROP DATABASE and RENAME end autovacuum themselves, and fail while others are "
                     "connected. sessionctl.terminate_database_sessions ends them with "
                     "include_background; what starts them again, as an enabled subscription does, has "
                     "to be stopped first.")));
    });
}

std::int64_t lock_down(Wish& wish, bool has_paused_pool) {
    pg::lock_door(wish.oid, wish.database,
                  wish.include_superusers ? pg::TurnAway::superusers_too : pg::TurnAway::clients);
    const core::Timestamp hold_ends =
        pg::monotonic_now() + pg::longest_door_hold * core::microseconds_per_millisecond;
    close(wish, has_paused_pool);
    const std::int64_t ended = empty(wish, hold_ends);
    tell_background(wish);
    tell_what_remains(wish);
    return ended;
}

std::int64_t lock_down_behind_pool(Wish& wish) {
    const bool has_paused_pool = pg::pause_pool(wish.pool, wish.database);
    if (has_paused_pool)
        pg::keep_paused_if_committed(wish.pool, wish.database);
    try {
        return pg::in_subtransaction([&] { return lock_down(wish, has_paused_pool); });
    } catch (...) {
        if (has_paused_pool)
            pg::resume_after_failure(wish.pool, wish.database);
        throw;
    }
}

void open(const char* name, Oid oid, const core::Door& current, const core::Door& door) {
    api::set_door(Lockable::database, name, oid, current, door);
    pg::forget(Lockable::database, name);
    api::keep_in_audit("unlock_database", "open", Lockable::database, name, door, nullptr);
}

/// Behind the locked door: a pool's logins wait for the commit, and then find it open.
void open_with_pool(const char* name, Oid oid, const core::Door& current, const core::Door& door,
                    const core::Lockdown& lockdown) {
    const core::string server = pg::shown_utf8(lockdown.pool);
    const core::string database = pg::shown_utf8(lockdown.pool_database);
    if (!pg::resume_pool_after(server.c_str(), database.c_str(), [&] {
            pg::lock_door(oid, name, pg::TurnAway::nobody);
            open(name, oid, current, door);
        }))
        open(name, oid, current, door);
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
        Wish wish = read_wish(fcinfo);
        pg::require_owner(wish.oid, wish.database);
        require_other_database(wish);
        commit_without_standbys();
        return Int64GetDatum(wish.pool != nullptr ? lock_down_behind_pool(wish) : lock_down(wish, false));
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
        if (pg::remembered(Lockable::database, oid)) {
            pg::require_owner(oid, name);
            pg::hold(Lockable::database, oid);
        }
        const auto lockdown = pg::remembered(Lockable::database, oid);
        if (!lockdown)
            return api::not_locked(Lockable::database, name);
        const core::Door current = api::door_of(Lockable::database, oid);
        const core::Restoration restoration = core::restoration(*lockdown, current);
        if (lockdown->pool.empty()) {
            open(name, oid, current, restoration.door);
        } else {
            pg::require_own_transaction("unlock_database with a paused pool");
            commit_without_standbys();
            open_with_pool(name, oid, current, restoration.door, *lockdown);
        }
        api::tell_changes_by_hand(Lockable::database, name, *lockdown, restoration, current);
        return BoolGetDatum(true);
    });
}
