// The login settings before and during a lockdown, and what unlock restores.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/session.hpp"

#include <optional>
#include <string_view>

namespace sessionctl::core {

/// Who may connect: a database's CONNECTION LIMIT and ALLOW_CONNECTIONS, a role's LOGIN.
struct LoginSettings {
    std::int32_t limit = unlimited;
    bool is_open = true;

    static constexpr std::int32_t unlimited = -1;

    bool operator==(const LoginSettings& other) const noexcept {
        return limit == other.limit && is_open == other.is_open;
    }
};

/// Stored as text with the database or the role, so that it is dropped with it.
struct Lockdown {
    LoginSettings before;
    LoginSettings during;
    Timestamp since = 0; // wall clock
    string by;
    string reason;        // empty: none was given
    string pool;          // the foreign server of the pool that was paused; empty: none
    string pool_database; // as it is called there
};

/// ASCII without spaces in its values, so that it reads the same in a database of any encoding.
string written(const Lockdown& lockdown);
/// Null where written() did not make the text.
std::optional<Lockdown> read_lockdown(std::string_view text);

/// The record of a lockdown on top of an earlier one. A setting that is as the earlier one left it keeps the
/// value from before that; one that was changed by hand meanwhile keeps its present value.
Lockdown renewed(const std::optional<Lockdown>& earlier, Lockdown now);

/// What unlock does: a setting that was changed by hand during the lockdown stays as it is.
struct Restoration {
    LoginSettings settings;
    bool limit_was_changed;
    bool permission_was_changed;
};
Restoration restoration(const Lockdown& lockdown, const LoginSettings& current) noexcept;

} // namespace sessionctl::core
