// What lockdowns of databases and of roles have in common.
#pragma once

#include "api/keep_out/login_settings.hpp"
#include "api/sessions/options.hpp"
#include "core/keep_out/lockdown.hpp"
#include "pg/keep_out/stored_lockdown.hpp"

namespace sessionctl::api {

/// What is stored of a lockdown that the caller begins now.
core::Lockdown new_lockdown(const core::LoginSettings& before, const core::LoginSettings& during,
                            const char* reason);

/// ALTER DATABASE or ROLE as the caller, even if nothing changes, since it checks the caller's privileges.
/// Errors: PostgreSQL's; 55P03 if another object has the name now, or the settings are no longer `from`.
void set_login_settings(pg::Lockable kind, const char* name, Oid oid, const core::LoginSettings& from,
                        const core::LoginSettings& to);

/// Stores the lockdown, on top of an earlier one, and has it in the audit when the transaction commits. The
/// reason may be null.
void record_lockdown(pg::Lockable kind, const char* name, Oid oid, core::Lockdown lockdown,
                     const char* reason);

/// Restores these settings, and removes what is stored of the lockdown.
void unlock(pg::Lockable kind, const char* name, Oid oid, const core::LoginSettings& from,
            const core::LoginSettings& to);

/// Call after an ALTER by name, which prevents a concurrent rename. Errors: 55P03 if another object had the
/// name.
void require_altered(pg::Lockable kind, const char* name, Oid oid);

} // namespace sessionctl::api
