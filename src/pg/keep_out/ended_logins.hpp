// Logins under way that were told to end: processes in no session table yet, where no condition sees them.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "pg/sessions/signals.hpp"

#include <csignal>

namespace sessionctl::pg {

/// A process in the process array.
struct ArrayMember {
    bool is_there;
    Oid role; // 0: not known yet
};
ArrayMember array_member(std::int32_t pid);

bool contains(const core::vector<std::int32_t>& pids, std::int32_t pid) noexcept;

class EndedLogins {
  public:
    /// The reason may be null, and lives as long as this.
    explicit EndedLogins(const char* reason) noexcept : reason_(reason) {}

    /// Ends a login that it has not ended yet. `is_still` is asked when it is pinned by its pid, besides that
    /// it is in the process array with that role.
    template <typename Check>
    void end(std::int32_t pid, Oid role, Check&& is_still) {
        Signaller signaller;
        if (has(pid) || !signaller.hold(pid))
            return;
        const ArrayMember member = array_member(pid);
        if (!is_still() || !member.is_there || member.role != role ||
            signaller.send(SIGTERM) != core::Delivery::delivered)
            return;
        pids_.push_back(pid);
        tell(pid, role);
    }

    bool has(std::int32_t pid) const noexcept { return contains(pids_, pid); }

    /// Waits for them, on the monotonic clock until `deadline`. How many are left then.
    int wait(core::Timestamp deadline);

  private:
    void tell(std::int32_t pid, Oid role) const;

    const char* const reason_;
    core::vector<std::int32_t> pids_;
};

} // namespace sessionctl::pg
