#include "pg/locks/seen_wait.hpp"

#include "pg/locks/lock_waits.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

bool is_of(const SeenWait& seen, const core::Session& session, const LOCKTAG& lock) noexcept {
    return seen.session_start == session.id.start && seen.statement == session.query_start &&
           seen.lock == fingerprint_of(lock);
}

} // namespace

void publish_wait(const core::Session& session, const LOCKTAG& lock, core::Timestamp since) noexcept {
    SessionSlot* const slot = session_slot(session.slot);
    if (slot == nullptr || (slot->seen_wait.since == since && is_of(slot->seen_wait, session, lock)))
        return;
    slot->seen_wait.since = 0; // not valid meanwhile
    slot->seen_wait.session_start = session.id.start;
    slot->seen_wait.statement = session.query_start;
    slot->seen_wait.lock = fingerprint_of(lock);
    slot->seen_wait.since = since;
}

core::Timestamp waiting_since(const core::Session& session, const LOCKTAG& lock,
                              const core::ProcLock& wait) noexcept {
    if (wait.since != 0)
        return wait.since;
    const SessionSlot* const slot = session_slot(session.slot);
    if (slot == nullptr)
        return 0;
    const core::Timestamp since = slot->seen_wait.since;
    return is_of(slot->seen_wait, session, lock) && slot->seen_wait.since == since ? since : 0;
}

} // namespace sessionctl::pg
