// After pg_hba.conf has locked the server down: ends the logins whose processes were forked before the
// postmaster had read it.
#pragma once

#include "pg/logins/pending_logins.hpp"
#include "pg/logins/server_sweep.hpp"

namespace sessionctl::pg {

/// A child of the postmaster uses the pg_hba.conf that was loaded when it was forked. A client that connects
/// and sends nothing is in no table and no array for up to authentication_timeout, and is then let in by the
/// old rules. Only the system's list of processes shows it (Linux); elsewhere only the process array is used.
/// A walsender for physical replication is left alone once it has a role, where it can be told from other
/// logins (12; with the library preloaded, everywhere).
class HbaSweep final : public ServerSweep {
  public:
    /// Begins now, after the postmaster is known to use the new file. A client that has sent no startup
    /// packet after `timeout` (µs) is ended.
    HbaSweep(const GateState& state, const char* reason, core::Timestamp timeout);

  private:
    struct Child {
        std::int32_t pid;
        std::uint64_t start; // when it was forked; 0: not known
    };

    int look() override;
    bool is_still(std::int32_t pid) override;
    /// Must it be checked again?
    bool is_open(const Child& child, const core::vector<std::int32_t>& listed,
                 const core::vector<PendingLogin>& processes);
    bool is_settled(const PendingLogin& process, Oid role);
    void collect_roles(const core::vector<std::int32_t>& listed);

    core::vector<Child> children_; // may become sessions by the old rules
    const core::Timestamp began_;
    const core::Timestamp timeout_;
};

} // namespace sessionctl::pg
