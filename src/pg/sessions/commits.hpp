// A session tells that it is about to commit. A signal of what acts by itself reaches it before that, and
// then it does not commit, or not before the commit is over: what comes in between would end a procedure in
// its next transaction, or the wait for a synchronous standby.
#pragma once

#include "core/sessions/session.hpp"

namespace sessionctl::pg {

/// This process is about to commit. A signal that was sent by now takes effect here, as an ERROR or FATAL.
void begin_commit();
/// It has committed, or aborted.
void end_commit() noexcept;

/// Is that session between the two? For certain only while its transaction is held.
bool has_begun_commit(const core::Session& session) noexcept;

} // namespace sessionctl::pg
