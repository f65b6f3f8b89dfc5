// A session tells that it is about to commit. A signal of what acts by itself reaches it before that, and
// then it does not commit, or not before the commit is over: what comes in between would end a procedure in
// its next transaction, or the wait for a synchronous standby.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/session.hpp"

namespace sessionctl::pg {

/// This process is about to commit. A signal that was sent by now takes effect here, as an ERROR or FATAL.
void begin_commit();
/// It has committed, or aborted.
void end_commit() noexcept;

/// Is that session between the two? For certain only while its transaction is held.
bool has_begun_commit(const core::Session& session) noexcept;

/// The transaction that it is in; 0: in none, or gone.
LocalTransactionId transaction_of(const core::Session& session) noexcept;

/// Keeps a session from committing or ending the transaction that it is in, and from beginning another.
class HeldTransaction {
  public:
    HeldTransaction(const core::Session& session, LocalTransactionId transaction);
    ~HeldTransaction() { release(); }
    HeldTransaction(const HeldTransaction&) = delete;
    HeldTransaction& operator=(const HeldTransaction&) = delete;

    /// False: it is gone, in another transaction, or has begun to commit this one.
    explicit operator bool() const noexcept { return lock_ != nullptr; }

  private:
    void release() noexcept;

    LWLock* lock_;
};

} // namespace sessionctl::pg
