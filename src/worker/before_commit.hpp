// The server for what acts by itself: it signals a session only in the transaction in which it was looked at,
// and never in its commit. The client would be told of a commit that no standby has, if a signal ended the
// wait for it.
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
        return pg::is_in_commit(session);
    }

    core::Delivery send() override {
        const pg::HeldTransaction held(Server::pinned(), transaction_);
        return held ? Server::send() : core::Delivery::changed;
    }

  private:
    LocalTransactionId transaction_ = InvalidLocalTransactionId;
};

} // namespace sessionctl::worker
