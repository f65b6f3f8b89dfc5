// The logins that a sweep ends, and their records.
#pragma once

#include "pg/audit/audit_record.hpp"
#include "pg/logins/connect_sweep.hpp"
#include "pg/logins/pending_logins.hpp"

#include <optional>

namespace sessionctl::worker {

struct SweepVictim {
    pg::PendingLogin process;
    core::Timestamp since;
    pg::AuditRecord record;
    core::Session session; // of slot -1: in no session table yet
    bool is_gone;
};

class SweepRecords {
  public:
    /// Of a sweep after that transaction, for CONNECT or for roles (null), by the session with that pid.
    SweepRecords(TransactionId after, const pg::ConnectSweepRequest* connect, int caller);

    pg::AuditRecord begin(const char* reason) const;
    /// False for a walsender that is for physical replication, and for who is on his way out; empty where it
    /// is not known yet.
    std::optional<bool> describe(SweepVictim& victim);
    static void keep_outcome(SweepVictim& victim) noexcept;

  private:
    const TransactionId after_;
    const pg::ConnectSweepRequest* const connect_;
    const pg::AuditRecord common_;
    pg::RecentLockWaits waits_;
};

} // namespace sessionctl::worker
