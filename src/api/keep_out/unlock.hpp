// What unlocking a database and unlocking a role have in common.
#pragma once

#include "api/keep_out/lockdown.hpp"

namespace sessionctl::api {

/// Reports what an unlock did not restore because it was changed by hand.
void report_changes_by_hand(pg::Lockable kind, const char* name, const core::Lockdown& lockdown,
                            const core::Restoration& restoration, const core::LoginSettings& current);

/// Raises a NOTICE that there is nothing to unlock, and returns false.
Datum not_locked(pg::Lockable kind, const char* name);

/// Ends the lockdown of the object: `check` first, which may raise an error, then `restore` with the
/// lockdown, the settings now and those to restore. What is not locked down is only read, without a lock.
template <typename Check, typename Restore>
Datum end_lockdown(pg::Lockable kind, const char* name, Oid oid, Check&& check, Restore&& restore) {
    if (pg::stored_lockdown(kind, oid)) {
        check();
        pg::lock_until_commit(kind, oid);
    }
    const auto lockdown = pg::stored_lockdown(kind, oid);
    if (!lockdown)
        return not_locked(kind, name);
    const core::LoginSettings current = login_settings_of(kind, oid);
    const core::Restoration restoration = core::restoration(*lockdown, current);
    restore(*lockdown, current, restoration.settings);
    report_changes_by_hand(kind, name, *lockdown, restoration, current);
    return BoolGetDatum(true);
}

} // namespace sessionctl::api
