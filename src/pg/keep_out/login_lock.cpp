#include "pg/keep_out/login_lock.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_deadline.hpp"
#include "pg/locks/prepared_in_way.hpp"
#include "pg/logins/pending_logins.hpp"
#include "pg/sql.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "storage/lmgr.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

constexpr int attempts = 4; // after each failed attempt the logins that hold the lock are ended

bool is_registered = false;
const char* unpreparable = nullptr; // the function called in this transaction

extern "C" void sessionctl_unpreparable_transaction(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_PRE_PREPARE:
        if (unpreparable != nullptr)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("cannot PREPARE a transaction that has called %s", unpreparable)));
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
        unpreparable = nullptr;
        break;
    default:
        break;
    }
}

/// Not AccessExclusiveLock: it conflicts with AccessShareLock, which any role takes that alters its own
/// settings in that database. In a subtransaction, so that a timeout leaves nothing behind.
bool try_to_lock(Oid database, int milliseconds) {
    try {
        in_subtransaction([=] {
            OwnStatement own(milliseconds);
            call([database] { LockSharedObject(DatabaseRelationId, database, 0, ExclusiveLock); });
            own.end();
        });
        return true;
    } catch (const PgError& error) {
        if (error.data()->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
            throw;
        return false;
    }
}

/// During the wait the name may have passed to another database.
void require_name(Oid database, const char* name) {
    if (call([name] { return get_database_oid(name, true); }) != database)
        throw core::Error(core::sqlstate::lock_not_available,
                          "database \"%s\" was concurrently renamed or dropped", name)
            .hint("Nothing was changed. Try again.");
}

} // namespace

void lock_logins(Oid database, const char* name, EndLogins which) {
    if (has_lock_deadline())
        throw core::Error(core::sqlstate::active_sql_transaction,
                          "a database has already been locked in this transaction")
            .hint("Call it once in each transaction.");
    forbid_prepare("a function that locks a database");
    compat::commit_at_once();
    for (int i = 0; i < attempts; ++i) {
        if (try_to_lock(database, longest_login_lock_wait / attempts)) {
            start_lock_deadline();
            require_name(database, name);
            return;
        }
        if (which != EndLogins::none)
            end_logins_to_database(database, which == EndLogins::superusers_too);
    }
    throw core::Error(core::sqlstate::lock_not_available,
                      "could not lock logins to database \"%s\" within %d ms", name, longest_login_lock_wait)
        .detail("Another session is altering or dropping it, copying it as a template, or logging in to it, "
                "and you are not permitted to end that session.")
        .hint("Nothing was changed. Try again when that has ended.%s",
              hint_for_prepared_on(DatabaseRelationId, database, ExclusiveLock).c_str());
}

void keep_own_database_open() {
    lock_object(DatabaseRelationId, MyDatabaseId, RowShareLock,
                "another session is closing the database that you are connected to");
    const bool is_open = call([] {
        const HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
        const bool is_it =
            HeapTupleIsValid(tuple) && reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datallowconn;
        if (HeapTupleIsValid(tuple))
            ReleaseSysCache(tuple);
        return is_it;
    });
    if (!is_open)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "the database that you are connected to does not accept connections")
            .hint("Call it from a database that accepts connections. Superusers must be able to log in to at "
                  "least one database.");
}

void forbid_prepare(const char* what) {
    if (!std::exchange(is_registered, true))
        call([] { RegisterXactCallback(sessionctl_unpreparable_transaction, nullptr); });
    unpreparable = what;
}

void require_own_transaction(const char* what) {
    if (IsTransactionBlock() || IsSubTransaction())
        throw core::Error(core::sqlstate::active_sql_transaction, "%s cannot run inside a transaction block",
                          what)
            .hint("Until its transaction ends, no role can log in to that database, not even a superuser.");
}

void require_owner(Oid database, const char* name) {
    if (!call([database] { return compat::owns_database(GetUserId(), database); }))
        throw core::Error(core::sqlstate::insufficient_privilege, "must be owner of database %s", name);
}

void require_primary(const char* what) {
    if (RecoveryInProgress())
        throw core::Error(core::sqlstate::read_only_sql_transaction, "%s cannot run during recovery", what)
            .hint("Call it on the primary. The change is replicated to the standby, but ends no sessions "
                  "there. To close a standby, call sessionctl.lockdown_server() on it.");
}

} // namespace sessionctl::pg
