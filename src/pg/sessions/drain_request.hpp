// A drain request: a session is asked to end after its transaction. The request is in its slot in shared
// memory, where the session reads it.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/drained_session.hpp"

#include <atomic>

namespace sessionctl::pg {

/// Workers whose requests last until they withdraw them.
enum class LastingRequester : std::uint8_t { reaper, rules };
constexpr int lasting_requesters = 2;

/// For the session with this pid and start. Written under a lock, read without.
struct DrainRequest {
    std::atomic<std::int32_t> requesters; // 0: no request, the rest is old
    std::atomic<std::int32_t> pid;
    std::atomic<core::Timestamp> start;
    std::atomic<core::DrainAnswer> answer;
    std::atomic<bool> is_lasting[lasting_requesters]; // one of the requests is this worker's

    bool is_for(const core::Identity& session) const noexcept {
        return pid == session.pid && start == session.start;
    }
};

/// The slot for requests to the session with that number in the session table; null if there is none.
DrainRequest* request_in(int slot) noexcept;

/// This process's slot for requests, in use or not; null if the library is not preloaded.
DrainRequest* own_request() noexcept;
/// Is there a request to this process? May be called anywhere, also in a signal handler.
bool is_asked_to_end() noexcept;
/// The same, or the session was terminated on a request that is withdrawn since.
bool was_asked_to_end() noexcept;
/// The session ends because of a request.
bool ends_as_asked() noexcept;
/// The answer of this process to its requests.
void answer_request(core::DrainAnswer answer) noexcept;

/// The session's answer; none if there was never a request.
core::DrainAnswer answer_to_request(const core::Session& session) noexcept;
/// Sets the answer for the session: `does` for one that is signalled. Returns the previous answer.
core::DrainAnswer answer_request_for(const core::Session& session, core::DrainAnswer answer) noexcept;

} // namespace sessionctl::pg
