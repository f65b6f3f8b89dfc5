#include "hooks/login_revoked.hpp"

#include "pg/error.hpp"
#include "pg/logins/connect_sweep.hpp"
#include "pg/logins/nologin_sweep.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
}

namespace sessionctl::hooks {

namespace {

object_access_hook_type previous_object_access = nullptr;

/// The catalogs still show the role as it was: only a role with LOGIN can lose it.
extern "C" void sessionctl_object_access(ObjectAccessType access, Oid class_id, Oid object, int sub_id,
                                         void* arg) {
    if (previous_object_access != nullptr)
        previous_object_access(access, class_id, object, sub_id, arg);
    if (class_id == AuthIdRelationId && (access == OAT_POST_ALTER || access == OAT_DROP) &&
        pg::terminate_on_login_revoked_setting() && pg::may_log_in(object))
        pg::entry([object] { pg::sweep_after_commit(object, pg::Need::preferred); });
}

/// Runs before the command, and before its permission checks.
bool on_utility_command(const Node* statement) {
    const bool may_revoke = pg::terminate_on_login_revoked_setting() && compat::may_take_connect(statement);
    if (may_revoke)
        pg::entry([] { pg::before_connect_is_taken(); });
    return may_revoke;
}

void on_end_of_utility_command() {
    pg::entry([] { pg::after_connect_is_taken(); });
}

} // namespace

void install_login_revoked() {
    compat::watch_commands(on_utility_command, on_end_of_utility_command);
    previous_object_access = std::exchange(object_access_hook, sessionctl_object_access);
}

} // namespace sessionctl::hooks
