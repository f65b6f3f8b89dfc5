// Pending logins that were sent a termination: processes not in the session table yet, invisible to
// conditions.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "pg/sessions/signals.hpp"

#include <csignal>

namespace sessionctl::pg {

/// A process that is in the process array, or leaves it.
struct ArrayMember {
    bool is_there;
    Oid role; // 0: not known yet
};
ArrayMember array_member(std::int32_t pid);

bool contains(const core::vector<std::int32_t>& pids, std::int32_t pid) noexcept;

class EndedLogins {
  public:
    /// The reason may be null, and must outlive this.
    explicit EndedLogins(const char* reason) noexcept : reason_(reason) {}

    /// Ends a login, once. When its pid is pinned, it must still be in the process array with that role, and
    /// `is_still` must be true.
    template <typename Check>
    void end(std::int32_t pid, Oid role, Check&& is_still) {
        Signaller signaller;
        if (has(pid) || !signaller.pin(pid))
            return;
        const ArrayMember member = array_member(pid);
        if (!is_still() || !member.is_there || member.role != role ||
            signaller.send(SIGTERM) != core::Delivery::delivered)
            return;
        pids_.push_back(pid);
        write_audit(pid, role);
    }

    bool has(std::int32_t pid) const noexcept { return contains(pids_, pid); }

    /// Waits until `deadline` (monotonic) for their end. Returns how many are left.
    int wait(core::Timestamp deadline);

  private:
    void write_audit(std::int32_t pid, Oid role) const;

    const char* const reason_;
    core::vector<std::int32_t> pids_;
};

} // namespace sessionctl::pg
