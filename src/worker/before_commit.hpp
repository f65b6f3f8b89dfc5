// The servers for what acts by itself: a session is signalled only in the transaction in which it was looked
// at, and never in its commit, unless that waits for a lock: then it is not committed yet, and need not be.
// The client would be told of a commit that no standby has, if a signal ended the wait for it.
#pragma once

#include "pg/sessions/commits.hpp"
#include "pg/sessions/drain_server.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/sessions/session_table.hpp"

namespace sessionctl::worker {

template <typename Server>
class BeforeCommit : public Server {
  public:
    using Server::Server;

    bool spares(const core::Session& session) override {
        transaction_ = pg::transaction_of(session);
        return pg::is_past_abort(session);
    }

    core::Delivery send() override {
        const pg::HeldTransaction held(Server::pinned(), transaction_);
        if (!held || is_changed())
            return core::Delivery::changed;
        pg::note_signal(Server::pinned());
        return Server::send();
    }

  protected:
    /// In which it was looked at.
    LocalTransactionId transaction() const noexcept { return transaction_; }

  private:
    /// What else must not have changed since the last look, while the transaction is held.
    virtual bool is_changed() { return false; }

    LocalTransactionId transaction_ = InvalidLocalTransactionId;
};

/// For a session that was asked to end.
class DrainBeforeCommit final : public BeforeCommit<pg::DrainServer> {
  public:
    /// No limit and no rule applies while it streams.
    bool spares(const core::Session& session) override {
        return BeforeCommit::spares(session) || pg::is_streaming(session);
    }
};

} // namespace sessionctl::worker
