// A session tells that it is about to commit. A signal of what acts by itself reaches it before that, and
// then it does not commit, or not before the commit is over: what comes in between would end a procedure in
// its next transaction, or the wait for a synchronous standby.
#pragma once

#include "compat/locks.hpp"
#include "core/sessions/session.hpp"
#include "pg/shared_memory.hpp"

#include <optional>

namespace sessionctl::pg {

/// This process is about to commit. A signal that note_signal() has announced takes effect here, as an ERROR
/// or FATAL; or if that could not undo what the transaction has done, a cancel comes too late.
void begin_commit(bool can_be_undone);
/// It has committed, or aborted.
void end_commit() noexcept;
/// It is about to leave a transaction that has failed. Takes the same signal.
void begin_rollback();

/// Is that session in its commit? For certain only while its transaction is held.
Commit commit_of(const core::Session& session) noexcept;

/// For what found it in a commit, or in another transaction than before: where its statement goes on, it is
/// to wait before the next one until it was looked at, a second at most, and wakes who is to look. Else one
/// that commits again and again is hardly ever found outside of a commit.
void want_look_before_next_commit(const core::Session& session, Watcher watcher) noexcept;
/// It was, and may go on.
void looked_at(const core::Session& session, Watcher watcher) noexcept;

/// Called by what acts by itself while the transaction is held, before the signal.
void note_signal(const core::Session& session) noexcept;

/// The transaction that it is in; 0: in none, or gone.
LocalTransactionId transaction_of(const core::Session& session) noexcept;

/// Keeps a session from committing or ending the transaction that it is in, and from beginning another. One
/// whose commit waits for a lock, and could still fail, gets no lock meanwhile.
class HeldTransaction {
  public:
    HeldTransaction(const core::Session& session, LocalTransactionId transaction);
    ~HeldTransaction() { release(); }
    HeldTransaction(const HeldTransaction&) = delete;
    HeldTransaction& operator=(const HeldTransaction&) = delete;

    /// False: it is gone, in another transaction, or commits this one.
    explicit operator bool() const noexcept { return lock_ != nullptr; }

  private:
    bool may_be_signalled(const core::Session& session);
    void release() noexcept;

    LWLock* lock_;
    std::optional<compat::LockTableHeld> locks_;
};

} // namespace sessionctl::pg
