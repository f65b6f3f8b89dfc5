// The server at the instant at which one that was asked to leave is signalled.
#pragma once

#include "pg/sessions/server.hpp"

namespace sessionctl::pg {

/// Its client_message, if there is one, was left when it was asked, and stays when a signal is put off.
class DrainServer : public LiveServer {
  public:
    DrainServer() noexcept : LiveServer(none) {}

    /// A session shows itself idle before it sends the answer to its last statement, and must have sent all
    /// of it. Nothing but the signal follows on the last look; between two that show the same it was at rest.
    core::Observation look(const core::Session& session) override;
    core::Delivery send() override;

  private:
    static constexpr ClientMessage none = {};

    bool is_ready_to_go(const core::Session& session) const noexcept;
};

} // namespace sessionctl::pg
