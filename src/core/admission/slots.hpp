// The server's slots for connections: how many are kept free, and for whom the last ones are. No allocation:
// logins use it.
#pragma once

namespace sessionctl::core {

struct SlotSettings {
    int max_connections;
    int core_reserved;  // by core's own settings, for superusers and pg_use_reserved_connections
    int reserved_slots; // for the roles in reserve_for
    int free_slots;     // to be kept free beside these
};

/// What a login is, as far as slots go.
struct SlotRight {
    bool is_superuser;
    bool is_reserved_for;      // one of reserve_for, or a member of one
    bool may_use_core_reserve; // pg_use_reserved_connections (16)
};

/// `free`: slots that nobody has, this login's own not among them. Who may use what core reserves may use
/// these slots, too: core's are the last ones. The login passes core's own check afterwards.
bool may_take_slot(const SlotSettings& settings, int free, const SlotRight& right) noexcept;

/// How many sessions to end so that free_slots are free. Only admitted sessions have used a slot: who is not
/// authenticated, waits or is refused ends nobody.
int sessions_to_end(const SlotSettings& settings, int admitted) noexcept;

} // namespace sessionctl::core
