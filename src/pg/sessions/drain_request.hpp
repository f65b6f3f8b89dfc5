// A session that is asked to leave after its transaction: the request lies in its slot in shared memory,
// where the session itself finds it.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "core/sessions/drain.hpp"
#include "pg/account/evidence.hpp"
#include "pg/exit_guard.hpp"
#include "pg/sessions/client_message.hpp"

#include <atomic>

namespace sessionctl::pg {

/// For the session with this pid and start. Written under a lock, read without.
struct DrainRequest {
    std::atomic<std::int32_t> askers; // 0: nobody asks, the rest is old
    std::atomic<std::int32_t> pid;
    std::atomic<core::Timestamp> start;
    std::atomic<core::Answer> answer;
    std::atomic<bool> is_reapers; // one of the askers is the reaper
};

/// This process's place for requests, in use or not; null where the library is not preloaded.
DrainRequest* own_request() noexcept;
/// Is this process asked? May be called anywhere, in a signal handler too.
bool is_asked_to_leave() noexcept;
/// The same, or who asked has ended it and does not ask any more.
bool was_asked_to_leave() noexcept;
/// It ends because of that.
bool leaves_as_asked() noexcept;
/// Of this process, to who asks it.
void answer_request(core::Answer answer) noexcept;

/// What the session has answered; none where nobody ever asked it.
core::Answer answer_to_request(const core::Session& session) noexcept;
/// In its place: `does` of one that is signalled. Returns its answer before that.
core::Answer answer_request_for(const core::Session& session, core::Answer answer) noexcept;

/// What one call asks of others, taken back at its end, whatever that is. Sessions get the client_message to
/// read, and what they do then is taken down. Where the library is not preloaded nobody can be asked.
class DrainRequests final : public core::Asker {
  public:
    DrainRequests(const ClientMessage& client_message, CallEvidence& evidence);
    ~DrainRequests();

    void ask(const core::Session& session) override;
    core::Answer answer_of(const core::Session& session) noexcept override {
        return answer_to_request(session);
    }

  private:
    static void take_back(void* requests) noexcept;

    const ClientMessage& client_message_;
    CallEvidence& evidence_;
    core::vector<core::Session> asked_;
    const ExitGuard guard_;
};

/// What the reaper asks: it lasts until it is taken back, whatever calls ask meanwhile.
class LastingRequests final : public core::Asker {
  public:
    /// Also of one that is asked already.
    void ask(const core::Session& session) override;
    core::Answer answer_of(const core::Session& session) noexcept override {
        return answer_to_request(session);
    }
    static void take_back(const core::Session& session) noexcept;
    /// The reaper leaves.
    static void take_all_back() noexcept;
};

} // namespace sessionctl::pg
