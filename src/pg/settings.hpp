// The parameters (GUCs) of pg_sessionctl.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

namespace sessionctl::pg {

/// Called once, from _PG_init.
void define_settings();

enum class ReaperAction { terminate, log };
/// log: each rule only logs.
enum class RulesMode { off, log, on };

int audit_size_setting() noexcept;
bool send_reason_setting() noexcept;
bool terminate_on_login_revoked_setting() noexcept;
bool gate_setting() noexcept;
ReaperAction reaper_action_setting() noexcept;
RulesMode rules_setting() noexcept;
const char* rules_database_setting() noexcept;
/// In ms.
int rule_timeout_setting() noexcept;
bool reap_superusers_setting() noexcept;

/// The reaper's exemptions. A member of an exempt role is exempt, too.
bool is_exempt_role(Oid role);
bool is_exempt_database(const char* name);
bool is_exempt_application(const char* name);

/// pg_sessionctl.refuse_above; 0 = no bound.
int refuse_above_setting() noexcept;

/// The roles named in pg_sessionctl.protected_roles; unknown names are left out.
core::vector<Oid> protected_role_oids();
/// Is it one of these roles, or a member of one?
bool is_protected_role(Oid role);

/// A WARNING for each unknown name: a misspelt name protects no role.
void warn_of_unknown_protected_roles();

} // namespace sessionctl::pg
