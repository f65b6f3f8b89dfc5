// What is looked at again at the instant when the reaper signals a session.
#pragma once

#include "core/reaper/limit_monitor.hpp"
#include "worker/before_commit.hpp"

namespace sessionctl::worker {

/// A client that is shown in a statement, and has this transaction. If it has none, the statement is over or
/// has failed, and a cancel would find the next one.
inline bool has_ended_statement(const core::Session& session, LocalTransactionId transaction) noexcept {
    return session.kind == core::Kind::client && transaction == InvalidLocalTransactionId;
}

core::Recheck recheck_of(const core::LimitViolation& violation) noexcept;

/// The server for the recheck just before the signal. A session that is shown as idle but is runnable has its
/// client's next statement already.
class RecheckingServer final : public BeforeCommit<pg::LiveServer> {
  public:
    RecheckingServer(const pg::ClientMessage& client_message, const core::LimitViolation& violation)
        : BeforeCommit(client_message), violation_(violation) {}

    bool spares(const core::Session& session) override;

  private:
    bool is_changed() override;
    /// Since the violation was found.
    bool is_still_silent(const core::Session& session) const noexcept;

    const core::LimitViolation& violation_;
};

} // namespace sessionctl::worker
