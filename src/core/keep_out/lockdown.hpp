// What a lockdown found when it closed the settings, and what its end makes of it.
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

/// Kept as text where it lasts as long as the database or the role that is locked.
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
/// Empty where the text is not what written() makes.
std::optional<Lockdown> read_lockdown(std::string_view text);

/// The memory of a lockdown that finds an earlier one: as long as the settings is as that one left it, what
/// was before it counts; opened by hand meanwhile, the settings as it is now.
Lockdown renewed(const std::optional<Lockdown>& earlier, Lockdown now);

/// What unlock does: a part of the settings that somebody changed by hand since then stays as it is.
struct Restoration {
    LoginSettings settings;
    bool limit_was_changed;
    bool permission_was_changed;
};
Restoration restoration(const Lockdown& lockdown, const LoginSettings& current) noexcept;

} // namespace sessionctl::core
