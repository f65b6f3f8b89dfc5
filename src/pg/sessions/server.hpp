// The real server behind the engine's interface.
#pragma once

#include "core/sessions/engine.hpp"
#include "pg/account/evidence.hpp"
#include "pg/keep_out/cooldown.hpp"
#include "pg/sessions/client_message.hpp"
#include "pg/sessions/signals.hpp"

#include <optional>

namespace sessionctl::pg {

class LiveServer : public core::Server {
  public:
    /// Everybody who is signalled gets this client_message and this cooldown, and what he does is taken down;
    /// these two may be null. All live as long as the server.
    explicit LiveServer(const ClientMessage& client_message, CallEvidence* evidence = nullptr,
                        CooldownOrder* cooldown = nullptr) noexcept
        : client_message_(client_message), evidence_(evidence), cooldown_(cooldown) {}

    bool hold(const core::Session& session, core::Action action) override;
    core::Delivery send() override;
    core::Closing close_socket() override;
    void release() noexcept override;
    core::Observation look(const core::Session& session) override;
    bool still_selects(const core::Session&) override { return false; }
    bool spares(const core::Session&) override { return false; }
    bool awaits_standby(const core::Session& session) override;
    bool blocks_others(const core::Session& session, core::Timestamp idle_since) override;
    core::Timestamp now() override;
    void check_interrupts() override;
    void sleep(core::Timestamp microseconds) override;

  protected:
    /// Between hold() and release()?
    bool is_holding() const noexcept { return signaller_.is_holding(); }
    const core::Session& held() const noexcept { return held_; }

  private:
    const ClientMessage& client_message_;
    CallEvidence* const evidence_;
    CooldownOrder* const cooldown_;
    core::Session held_;
    bool is_cancel_ = false;
    bool is_delivered_ = false;
    std::optional<RecentLockWaits> lock_waits_; // of this look at all
    Signaller signaller_;
};

/// Sleeps, and answers to a cancel.
void pause(core::Timestamp microseconds);

/// Is there time until `deadline`, on the monotonic clock? Asked before each one of many is acted on; answers
/// to a cancel.
bool has_time(core::Timestamp deadline);

/// Microseconds until statement_timeout (or transaction_timeout) would end the running statement, less a
/// margin to report the result in; the largest number where no such timeout runs.
core::Timestamp time_left_for_statement();
/// This wait (microseconds), as far as the statement has time for it. Never 0 where one is to wait: that
/// would be another kind of call.
core::Timestamp within_statement(core::Timestamp wait);

/// From now to the end of a wait, on the monotonic clock; of no wait, to the end of the statement's time.
struct Span {
    explicit Span(core::Timestamp wait);

    core::Timestamp deadline;
    bool is_cut_short; // the statement has less time than the wait
};

} // namespace sessionctl::pg
