// Draining: sessions end where their transactions do, idle ones at once. All of a call, side by side.
#pragma once

#include "core/sessions/drained_session.hpp"

namespace sessionctl::core {

/// Ends every chosen target once it is in no transaction, and proves it, until `deadline` (monotonic). What
/// is left then is `still running`. Without `waits` it looks at each once and leaves the outcome `signalled`.
/// Elapsed time counts from the beginning. The observer is told of each that is gone or can't be signalled.
void drain_all(Plan& plan, Timestamp deadline, bool waits, Server& server, DrainRequester& requester,
               ResultObserver& observer);

/// Terminates those that drain_all left, in a transaction or not.
void force_rest(Plan& plan, Timestamp deadline, Server& server);

} // namespace sessionctl::core
