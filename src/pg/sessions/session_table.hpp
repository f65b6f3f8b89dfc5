// The live session table in shared memory, one entry at a time.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "core/sessions/session.hpp"

extern "C" {
#include "libpq/pqcomm.h"
}

#include <atomic>

namespace sessionctl::pg {

/// Repeats `copy` on a live entry until it was not changed meanwhile (the changecount protocol of core's
/// backend_status.h: even and unchanged).
template <typename Copy>
void read_consistently(volatile PgBackendStatus& entry, Copy&& copy) {
    for (;;) {
        const int before = entry.st_changecount;
        std::atomic_thread_fence(std::memory_order_acquire);
        copy(const_cast<const PgBackendStatus&>(entry));
        std::atomic_thread_fence(std::memory_order_acquire);
        if (before == entry.st_changecount && (before & 1) == 0)
            return;
        CHECK_FOR_INTERRUPTS();
    }
}

/// Does it stream, as a walsender with a database? Then it is in no transaction of its client's, and its own
/// transaction's start time is not maintained (core shows none for walsenders).
bool is_streaming(const core::Session& session) noexcept;

core::Identity identity_of(const PgBackendStatus& entry) noexcept;

/// All may raise PostgreSQL errors: use them inside pg::call.
core::Session session_of(int slot, const PgBackendStatus& entry);

/// All of them, as they are now, in slot order.
void list_sessions(core::vector<core::Session>& sessions);

/// This process, as in the session table.
core::Identity own_identity();

/// Is it in the session table, and no other in its place?
bool is_listed(const core::Session& session);
/// The client's address; all zero if the session is gone.
SockAddr client_of(const core::Session& session);
/// Invalid: none yet, or the slot belongs to another session.
Oid database_of(const core::Session& session);
/// Does its commit wait for a synchronous standby?
bool awaits_standby(const core::Session& session);
/// Or will it, since it is being flushed?
bool is_in_commit(const core::Session& session);
/// In its commit, unless that waits for a lock and may still be aborted; or past it, and still shown in the
/// transaction.
bool is_past_abort(const core::Session& session);

enum class ClientWait { none, read, write };

/// Does it wait for its client, in the middle of a statement, to send or to read, or to read notifications?
/// Before 10 a session does not report it.
ClientWait client_wait_of(const core::Session& session) noexcept;

} // namespace sessionctl::pg
