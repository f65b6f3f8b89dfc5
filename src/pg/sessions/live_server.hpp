// The real server, behind the interface of core/sessions/signal_and_prove.
#pragma once

#include "core/sessions/signal_and_prove.hpp"
#include "pg/audit/evidence.hpp"
#include "pg/keep_out/cooldown.hpp"
#include "pg/sessions/client_message.hpp"
#include "pg/sessions/observation.hpp"
#include "pg/sessions/signals.hpp"

namespace sessionctl::pg {

class LiveServer : public core::Server {
  public:
    /// Every session that is signalled gets this message and this cooldown, and its evidence is recorded;
    /// these two may be null. All must outlive the server.
    explicit LiveServer(const ClientMessage& client_message, CallEvidence* evidence = nullptr,
                        CallCooldowns* cooldown = nullptr) noexcept
        : client_message_(client_message), evidence_(evidence), cooldown_(cooldown) {}

    bool pin(const core::Session& session, core::Action action) override;
    core::Delivery send() override;
    core::Closing close_socket() override;
    void release() noexcept override;
    core::Observation look(const core::Session& session) override;
    bool still_selects(const core::Session&) override { return false; }
    bool spares(const core::Session&) override { return false; }
    bool awaits_standby(const core::Session& session) override;
    bool blocks_others(const core::Session& session) override;
    core::Timestamp now() override;
    void check_interrupts() override;
    void sleep(core::Timestamp microseconds) override;

  protected:
    /// Between pin() and release().
    bool is_pinned() const noexcept { return signaller_.is_pinned(); }
    const core::Session& pinned() const noexcept { return pinned_; }

  private:
    const ClientMessage& client_message_;
    CallEvidence* const evidence_;
    CallCooldowns* const cooldown_;
    core::Session pinned_;
    RecentProcesses processes_; // of this pass over all sessions
    bool is_cancel_ = false;
    bool is_delivered_ = false;
    Signaller signaller_;
};

} // namespace sessionctl::pg
