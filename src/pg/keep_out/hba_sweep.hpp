// After pg_hba.conf has locked the server down: the logins that its postmaster forked before it had read
// that.
#pragma once

#include "pg/keep_out/pending_logins.hpp"
#include "pg/keep_out/server_sweep.hpp"

namespace sessionctl::pg {

/// A child of the postmaster has the pg_hba.conf that was in force when it was forked, which is when its
/// client connected: one that then says nothing stands in no table and no array for authentication_timeout,
/// and gets in by the old rules when it speaks. Only the system's list of processes shows it (Linux); without
/// one the process array is all there is. A walsender for physical replication is left alone once it has its
/// role, where it can be told from other logins (12; where the library is preloaded, everywhere).
class HbaSweep final : public ServerSweep {
  public:
    /// From now on, which is after the proof that the postmaster obeys. Who has not said who he is after
    /// `patience` (µs) is ended.
    HbaSweep(const GateState& state, const char* reason, core::Timestamp patience);

  private:
    struct Child {
        std::int32_t pid;
        std::uint64_t start; // when it was forked; 0: not known
    };

    int look() override;
    bool is_still(std::int32_t pid) override;
    /// Needs to be looked at again?
    bool is_open(const Child& child, const core::vector<std::int32_t>& listed,
                 const core::vector<PendingLogin>& arrivals);
    bool is_settled(const PendingLogin& arrival, Oid role);
    void collect_roles(const core::vector<std::int32_t>& listed);

    core::vector<Child> children_; // that may become sessions by the old rules
    const core::Timestamp began_;
    const core::Timestamp patience_;
};

} // namespace sessionctl::pg
