#include "pg/sessions/commits.hpp"

#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/signals.hpp"

extern "C" {
#include "storage/latch.h"
}

#include <csignal>

namespace sessionctl::pg {

namespace {

/// What signals this session while its transaction is held is done by then.
template <typename Change>
void pass_own_transaction_lock(Change&& change) {
    LWLock* const lock = compat::own_transaction_lock();
    LWLockAcquire(lock, LW_EXCLUSIVE);
    change();
    LWLockRelease(lock);
}

/// Has what acts by itself signalled it? Others' signals are none of its business: without this library
/// nothing is interrupted in a commit.
bool takes_signal(SessionSlot& slot) noexcept {
    if (slot.signalled == 0 || slot.signalled.exchange(0) != MyProcPid)
        return false;
    sigset_t blocked; // signals that are pending are delivered before this call returns
    sigprocmask(SIG_BLOCK, nullptr, &blocked);
    return true;
}

core::Timestamp own_statement() {
    return const_cast<const PgBackendStatus&>(compat::status_array().at(compat::own_slot()))
        .st_activity_start_timestamp;
}

std::atomic<core::Timestamp>& look_wanted(SessionSlot& slot, Watcher watcher) noexcept {
    return slot.look_wanted[static_cast<int>(watcher)];
}

Latch* latch_of(Watcher watcher) noexcept {
    const SharedMemory& shared = *shared_memory();
    return watcher == Watcher::reaper ? shared.reaper.latch : shared.rules.latch;
}

/// Where nothing looks at it in that time, it goes on.
void wait_for_looks(SessionSlot& slot) {
    constexpr core::Timestamp longest = core::microseconds_per_second;
    const auto is_wanted = [&slot](Watcher watcher) {
        const core::Timestamp wanted = look_wanted(slot, watcher);
        return wanted != 0 && wanted == own_statement() && latch_of(watcher) != nullptr;
    };
    const auto is_any_wanted = [&] {
        return std::any_of(std::begin(watchers), std::end(watchers), is_wanted);
    };
    if (!is_any_wanted())
        return;
    for (const Watcher watcher : watchers)
        if (Latch* const latch = latch_of(watcher))
            SetLatch(latch);
    const core::Timestamp deadline = monotonic_now() + longest;
    for (long pause = 1; is_any_wanted() && monotonic_now() < deadline;
         pause = std::min(2 * pause, 10L)) { // ms
        compat::wait_latch(pause);
        CHECK_FOR_INTERRUPTS();
    }
    for (const Watcher watcher : watchers)
        look_wanted(slot, watcher) = 0;
}

} // namespace

void begin_commit(bool can_be_undone) {
    SessionSlot* const slot = session_slot(compat::own_slot());
    if (slot == nullptr)
        return;
    if (can_be_undone)
        wait_for_looks(*slot);
    compat::hold_back_messages(); // where the client does not read them they would hold up the commit
    pass_own_transaction_lock([=] { slot->commit = can_be_undone ? Commit::can_fail : Commit::cannot_fail; });
    if (!takes_signal(*slot))
        return;
    if (can_be_undone)
        CHECK_FOR_INTERRUPTS();
    else
        compat::clear_pending_cancel();
}

void end_commit() noexcept {
    if (SessionSlot* const slot = session_slot(compat::own_slot())) {
        slot->signalled = 0; // while nobody signals it yet
        slot->commit = Commit::none;
    }
}

void begin_rollback() {
    SessionSlot* const slot = session_slot(compat::own_slot());
    if (slot == nullptr)
        return;
    pass_own_transaction_lock([] {});
    if (takes_signal(*slot))
        CHECK_FOR_INTERRUPTS();
}

Commit commit_of(const core::Session& session) noexcept {
    const SessionSlot* const slot = session_slot(session.slot);
    return slot != nullptr ? slot->commit.load() : Commit::none;
}

void want_look_before_next_commit(const core::Session& session, Watcher watcher) noexcept {
    if (SessionSlot* const slot = session_slot(session.slot))
        look_wanted(*slot, watcher) = session.query_start;
}

void note_signal(const core::Session& session) noexcept {
    if (SessionSlot* const slot = session_slot(session.slot))
        slot->signalled = session.id.pid;
}

void looked_at(const core::Session& session, Watcher watcher) noexcept {
    SessionSlot* const slot = session_slot(session.slot);
    if (slot != nullptr && look_wanted(*slot, watcher) != 0)
        look_wanted(*slot, watcher) = 0;
}

LocalTransactionId transaction_of(const core::Session& session) noexcept {
    return compat::transaction_at(session.slot, session.id.pid);
}

HeldTransaction::HeldTransaction(const core::Session& session, LocalTransactionId transaction)
    : lock_(call([&] { return compat::hold_transaction(session.slot, session.id.pid, transaction); })) {
    if (lock_ != nullptr && !may_be_signalled(session))
        release();
}

/// A signal that finds a process asleep in a queue for a lock is taken before it leaves that.
bool HeldTransaction::may_be_signalled(const core::Session& session) {
    const auto waits = [&session] { return compat::waits_for_lock(session.slot, session.id.pid); };
    if (!is_in_commit(session))
        return true;
    if (commit_of(session) == Commit::cannot_fail || !waits())
        return false;
    call([this] { locks_.emplace(true); });
    return waits() && !is_runnable(session.id.pid);
}

void HeldTransaction::release() noexcept {
    locks_.reset();
    if (lock_ != nullptr)
        LWLockRelease(lock_);
    lock_ = nullptr;
}

} // namespace sessionctl::pg
