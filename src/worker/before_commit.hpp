// The server for what acts by itself: it signals a session only in the transaction in which it was looked at,
// and never in its commit, unless that waits for a lock: then it is not committed yet, and need not be. The
// client would be told of a commit that no standby has, if a signal ended the wait for it.
#pragma once

#include "core/sessions/signal_and_prove.hpp"
#include "pg/sessions/commits.hpp"
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
        if (!held)
            return core::Delivery::changed;
        pg::note_signal(Server::pinned());
        return Server::send();
    }

  protected:
    /// In which it was looked at.
    LocalTransactionId transaction() const noexcept { return transaction_; }

  private:
    LocalTransactionId transaction_ = InvalidLocalTransactionId;
};

} // namespace sessionctl::worker
