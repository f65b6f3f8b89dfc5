#include "pg/sessions/commits.hpp"

#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/shared_memory.hpp"

#include <csignal>

namespace sessionctl::pg {

namespace {

/// Signals that are pending are delivered before the system call returns.
void take_signals() noexcept {
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, nullptr, &blocked);
}

} // namespace

void begin_commit() {
    SessionSlot* const slot = session_slot(compat::own_slot());
    if (slot == nullptr)
        return;
    LWLock* const lock = compat::own_transaction_lock();
    LWLockAcquire(lock, LW_EXCLUSIVE);
    slot->commits = true;
    LWLockRelease(lock);
    take_signals();
    CHECK_FOR_INTERRUPTS();
}

void end_commit() noexcept {
    if (SessionSlot* const slot = session_slot(compat::own_slot()))
        slot->commits = false;
}

bool has_begun_commit(const core::Session& session) noexcept {
    const SessionSlot* const slot = session_slot(session.slot);
    return slot != nullptr && slot->commits;
}

LocalTransactionId transaction_of(const core::Session& session) noexcept {
    return compat::transaction_at(session.slot, session.id.pid);
}

HeldTransaction::HeldTransaction(const core::Session& session, LocalTransactionId transaction)
    : lock_(call([&] { return compat::hold_transaction(session.slot, session.id.pid, transaction); })) {
    if (lock_ != nullptr && is_in_commit(session))
        release();
}

void HeldTransaction::release() noexcept {
    if (lock_ != nullptr)
        LWLockRelease(lock_);
    lock_ = nullptr;
}

} // namespace sessionctl::pg
