// What a session did at the instant at which it was acted on, for the audit.
#pragma once

#include "core/memory.hpp"
#include "pg/audit/audit_text.hpp"
#include "pg/audit/log_line.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// Plain data. Only roles that may see the session may read it.
struct Evidence {
    static constexpr std::size_t longest_query = 500;
    static constexpr core::Timestamp no_age = -1;

    bool is_present;
    core::State state;
    Oid role;                                                    // decides which roles may see it
    std::int32_t encoding;                                       // of its database
    std::int32_t waiting;                                        // sessions that wait behind it
    std::int64_t query_id;                                       // 0: none
    core::Timestamp session_age, xact_age, query_age, state_age; // microseconds, or no_age
    AuditText<NAMEDATALEN> wait_event_type, wait_event;
    AuditText<longest_query + 1> query; // in that encoding

    /// For a login that is not in the session table yet.
    static Evidence of_login(Oid role) noexcept;

    void add_to(LogLine& line) const;
};

/// How many sessions wait behind a session, from a copy of the lock waits: it is made anew after a second, if
/// nobody changes the server's lock table at that moment.
class RecentLockWaits {
  public:
    /// Lives in the current memory context, and no longer than it.
    RecentLockWaits();
    int waiting_behind(int pid);

  private:
    void look();

    const MemoryContext memory_;
    MemoryContext look_ = nullptr; // that of the copy
    const LockWaits* waits_ = nullptr;
    core::Timestamp taken_at_ = 0; // monotonic
};

/// As the session is now; not present if it has ended. Errors: PgError.
Evidence evidence_of(const RosterEntry& session, RecentLockWaits& waits);

/// The evidence of all sessions of a call.
class CallEvidence {
  public:
    explicit CallEvidence(const Roster& roster) noexcept : roster_(roster) {}

    /// Of a session that is about to be signalled. Replaces what was taken of it before.
    void take(const core::Session& session);
    /// Not present if none was taken.
    const Evidence& of(std::int32_t pid) const noexcept;

  private:
    struct Kept {
        std::int32_t pid;
        Evidence* evidence;
    };
    Kept* find(std::int32_t pid) noexcept;

    const Roster& roster_;
    RecentLockWaits waits_;
    core::vector<Kept> taken_; // by pid
};

} // namespace sessionctl::pg
