// The settings of a database or role that let it log in, as the catalogs have them.
#pragma once

#include "compat/postgres.hpp"
#include "core/keep_out/lockdown.hpp"
#include "pg/keep_out/stored_lockdown.hpp"

#include <optional>

namespace sessionctl::api {

/// The login settings of a database or role now. Null if it does not exist (any more).
std::optional<core::LoginSettings> find_login_settings(pg::Lockable kind, Oid oid);
/// Errors: 3D000.
core::LoginSettings login_settings_of(pg::Lockable kind, Oid oid);
/// As they were before the given command of this transaction, or a later one, altered them.
core::LoginSettings login_settings_before(pg::Lockable kind, const char* name, CommandId command);

} // namespace sessionctl::api
