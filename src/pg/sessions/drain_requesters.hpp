// Who asks sessions to end after their transactions: a call, or a worker.
#pragma once

#include "core/memory.hpp"
#include "pg/audit/evidence.hpp"
#include "pg/exit_guard.hpp"
#include "pg/sessions/client_message.hpp"
#include "pg/sessions/drain_request.hpp"

namespace sessionctl::pg {

/// The requests of one call, withdrawn when it ends in any way. The sessions get the message, and the
/// evidence of each is recorded. Without the library preloaded nothing can be requested.
class DrainRequests final : public core::DrainRequester {
  public:
    DrainRequests(const ClientMessage& client_message, CallEvidence& evidence);
    ~DrainRequests();

    void ask(const core::Session& session) override;
    core::DrainAnswer answer_of(const core::Session& session) noexcept override {
        return answer_to_request(session);
    }

  private:
    static void withdraw(void* requests) noexcept;

    const ClientMessage& client_message_;
    CallEvidence& evidence_;
    core::vector<core::Session> asked_;
    const ExitGuard guard_;
};

/// A worker's requests: each lasts until it is withdrawn, whatever calls request meanwhile.
class LastingRequests final : public core::DrainRequester {
  public:
    explicit LastingRequests(LastingRequester requester) noexcept : requester_(requester) {}

    /// Also for a session that has a request already.
    void ask(const core::Session& session) override;
    core::DrainAnswer answer_of(const core::Session& session) noexcept override {
        return answer_to_request(session);
    }
    void withdraw(const core::Session& session) noexcept;
    /// When the worker exits.
    void withdraw_all() noexcept;

  private:
    const LastingRequester requester_;
};

} // namespace sessionctl::pg
