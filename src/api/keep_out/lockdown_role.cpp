// lockdown_role and unlock_role.

#include "api/keep_out/unlock.hpp"
#include "api/serve.hpp"
#include "core/error.hpp"
#include "pg/keep_out/login_lock.hpp"
#include "pg/keep_out/superusers.hpp"
#include "pg/logins/nologin_sweep.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/progress.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "utils/acl.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;
using pg::Lockable;

namespace {

Oid role_oid(const char* role) {
    return pg::call([role] { return get_role_oid(role, false); }); // 42704
}

bool is_superuser(Oid role) {
    return pg::call([role] { return superuser_arg(role); });
}

/// Only a superuser gets this far with a superuser's role.
void forbid_login(const char* role, Oid oid, const core::LoginSettings& before,
                  const core::LoginSettings& during) {
    api::set_login_settings(Lockable::role, role, oid, before, during);
    if (!is_superuser(oid))
        return;
    pg::lock_superusers(); // for a role that has become one concurrently
    pg::require_superuser_left(role);
}

void lock_down(const char* role, Oid oid, const char* reason) {
    const core::LoginSettings before = api::login_settings_of(Lockable::role, oid);
    const core::LoginSettings during = {before.limit, false};
    forbid_login(role, oid, before, during);
    api::record_lockdown(Lockable::role, role, oid, api::new_lockdown(before, during, reason), reason);
}

std::int64_t end_sessions(Request& request, Oid role) {
    request.guards.include.superusers = is_superuser(role);
    request.guards.include.database_walsenders = true;
    return api::terminate(request, "usesysid = $1", api::oid_value(role));
}

/// A session that has altered its own role in an open transaction blocks our ALTER. It is to be ended anyway,
/// so it is ended first. Returns the number of sessions ended.
std::int64_t lock_down_ending_blockers(const char* role, Oid oid, Request& request) {
    try {
        pg::in_subtransaction([=] { lock_down(role, oid, request.reason); });
        return 0;
    } catch (const core::Error& error) {
        if (std::strcmp(error.sqlstate(), core::sqlstate::lock_not_available) != 0)
            throw;
    }
    const std::int64_t ended = end_sessions(request, oid);
    lock_down(role, oid, request.reason);
    return ended;
}

/// For logins until this transaction commits. Nothing is done if the caller may not end the role's sessions.
void sweep(Oid role) {
    if (pg::call([role] { return compat::may_signal(GetUserId(), role); }))
        pg::sweep_after_commit(role, pg::Need::required);
}

} // namespace

SQL_FUNCTION(sessionctl_lockdown_role)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        const char* const role = arguments.text("role");
        const bool terminate = arguments.boolean("terminate");
        Request request;
        api::read_wait(arguments, request);
        const Oid oid = role_oid(role);
        pg::require_primary("lockdown_role");
        const pg::Progress progress(core::Call::lockdown_role);
        pg::forbid_prepare("lockdown_role");
        // Before taking any lock that another lockdown may wait for.
        if (is_superuser(oid) && pg::call([] { return superuser(); }))
            pg::lock_superusers();
        pg::lock_until_commit(Lockable::role, oid);
        if (!terminate) {
            lock_down(role, oid, request.reason);
            return Int64GetDatum(0);
        }
        const std::int64_t ended = lock_down_ending_blockers(role, oid, request);
        sweep(oid);
        return Int64GetDatum(ended + end_sessions(request, oid));
    });
}

SQL_FUNCTION(sessionctl_unlock_role)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        const char* const role = arguments.text("role");
        const Oid oid = role_oid(role);
        pg::require_primary("unlock_role");
        return api::end_lockdown(
            Lockable::role, role, oid, [] {},
            [=](const core::Lockdown&, const core::LoginSettings& current,
                const core::LoginSettings& before) {
                api::unlock(Lockable::role, role, oid, current, before);
            });
    });
}
