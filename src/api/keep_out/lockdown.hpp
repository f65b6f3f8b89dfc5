// What lockdowns of databases and of roles have in common.
#pragma once

#include "api/sessions/options.hpp"
#include "core/keep_out/lockdown.hpp"
#include "pg/keep_out/lockdown_memory.hpp"

namespace sessionctl::api {

/// The memory of a lockdown that begins now, by the caller.
core::Lockdown new_lockdown(const core::LoginSettings& before, const core::LoginSettings& during,
                            const char* reason);

/// ALTER DATABASE or ROLE, as the caller: even where nothing changes, since it shows his right to do so.
/// Errors: core's own; 55P03 where the name is another's by now, or the door was not `from` any more.
void set_login_settings(pg::Lockable kind, const char* name, Oid oid, const core::LoginSettings& from,
                        const core::LoginSettings& to);

/// The audit of it, once the transaction has committed. The reason may be null.
void keep_in_audit(const char* action, const char* result, pg::Lockable kind, const char* name,
                   const core::LoginSettings& settings, const char* reason);

/// After an ALTER by name, from which on nobody else can rename it. Errors: 55P03 where the name was
/// another's.
void require_altered(pg::Lockable kind, const char* name, Oid oid);

/// Tells what an unlock did not put back, because somebody had changed it by hand.
void tell_changes_by_hand(pg::Lockable kind, const char* name, const core::Lockdown& lockdown,
                          const core::Restoration& restoration, const core::LoginSettings& current);

/// False, and a NOTICE: nothing to unlock.
Datum not_locked(pg::Lockable kind, const char* name);

/// The door of a database, or of a role, as it is now. Null where there is no such database (any more).
std::optional<core::LoginSettings> find_login_settings(pg::Lockable kind, Oid oid);
/// Errors: 3D000.
core::LoginSettings login_settings_of(pg::Lockable kind, Oid oid);

} // namespace sessionctl::api
