// The server interface for signalling a session that was asked to drain.
#pragma once

#include "pg/sessions/live_server.hpp"

namespace sessionctl::pg {

/// Its message, if there is one, was written with the request, and stays if the signal is postponed.
class DrainServer : public LiveServer {
  public:
    DrainServer() noexcept : LiveServer(none) {}

    /// A session reports idle before it sends the answer to its last statement, but must have sent all of it.
    /// The signal follows directly on the last look; if two looks are equal, the session was at rest in
    /// between.
    core::Observation look(const core::Session& session) override;
    core::Delivery send() override;

  private:
    static constexpr ClientMessage none = {};

    bool may_be_signalled(const core::Session& session) const noexcept;
};

} // namespace sessionctl::pg
