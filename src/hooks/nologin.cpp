#include "hooks/nologin.hpp"

#include "pg/error.hpp"
#include "pg/settings.hpp"
#include "pg/sweep.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "utils/syscache.h"
}

namespace sessionctl::hooks {

namespace {

object_access_hook_type previous = nullptr;

/// Roles that this transaction has altered or dropped and that could log in before: whether that stays so is
/// seen when it commits.
constexpr int longest_list = 64;
Oid roles[longest_list];
int role_count = 0;

/// Inside the hook the catalogs still show the role as it was.
bool can_log_in(Oid role) {
    const HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
    ReleaseSysCache(tuple);
    return may;
}

void note(Oid role) noexcept {
    if (std::find(roles, roles + role_count, role) == roles + role_count && role_count < longest_list)
        roles[role_count++] = role;
}

void warn_of_no_worker() {
    pg::call([] {
        ereport(
            WARNING,
            (errmsg("the sessions of a role that may no longer log in are not ended"),
             errdetail("The server has no room for another background worker."),
             errhint("Call sessionctl.terminate_nologin_sessions(), and raise max_worker_processes.")));
    });
}

void order_sweeps() {
    for (int i = 0; i < role_count; ++i) {
        const Oid role = roles[i];
        if (!pg::call([role] { return can_log_in(role); }) && !pg::order_sweep(role))
            warn_of_no_worker();
    }
}

extern "C" void sessionctl_object_access(ObjectAccessType access, Oid class_id, Oid object, int sub_id,
                                         void* arg) {
    if (previous != nullptr)
        previous(access, class_id, object, sub_id, arg);
    if (class_id == AuthIdRelationId && (access == OAT_POST_ALTER || access == OAT_DROP) &&
        pg::kick_on_nologin_setting() && can_log_in(object))
        note(object);
}

extern "C" void sessionctl_nologin_transaction(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
        pg::entry([] { order_sweeps(); });
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        role_count = 0;
        break;
    default:
        break;
    }
}

} // namespace

void install_nologin() {
    previous = std::exchange(object_access_hook, sessionctl_object_access);
    RegisterXactCallback(sessionctl_nologin_transaction, nullptr);
}

} // namespace sessionctl::hooks
