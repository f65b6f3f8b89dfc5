#include "api/drain.hpp"

#include "core/drain.hpp"
#include "pg/drain_request.hpp"
#include "pg/error.hpp"
#include "pg/server.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::api {

namespace {

/// How long the end of those may take who are forced.
constexpr core::Timestamp forced_wait = 5 * core::microseconds_per_second;

/// The server at the instant of the signal. Where sessions can't be asked, one that shows itself idle but
/// runs, or waits for a processor, has been woken: its client's next statement is there already.
class DrainedServer final : public pg::LiveServer {
  public:
    using LiveServer::LiveServer;

    /// The state comes last: nothing but the signal follows on it.
    core::Sight look(const core::Session& session) override {
        const bool is_woken = is_holding() && !can_ask_ && pg::is_runnable(session.id.pid);
        core::Sight sight = LiveServer::look(session);
        if (is_woken)
            sight.state = core::State::undefined;
        return sight;
    }

  private:
    const bool can_ask_ = pg::shared_memory() != nullptr;
};

} // namespace

void drain(const Request& request, const pg::Farewell& farewell, core::Plan& plan) {
    DrainedServer server(farewell);
    pg::DrainRequests requests(farewell);
    const core::Timestamp promised = request.timeout * core::microseconds_per_millisecond;
    const core::Timestamp wait = pg::within_statement(promised);
    core::drain_all(plan, wait, server, requests);
    // Who was promised more time than this statement has is not forced before that.
    if (!request.force || wait < promised)
        return;
    core::force_rest(plan, server);
    if (request.timeout > 0)
        core::prove_all(plan, request.action, server.now() + pg::within_statement(forced_wait), server);
}

void warn_of_unfinished(const core::Plan& plan) {
    const auto is_unfinished = [](const core::Target& target) { return core::is_unfinished(target); };
    const auto first = std::find_if(plan.begin(), plan.end(), is_unfinished);
    if (first == plan.end())
        return;
    const auto count = static_cast<unsigned long>(std::count_if(first, plan.end(), is_unfinished));
    const double waited = static_cast<double>(first->elapsed) / core::microseconds_per_second;
    pg::call([=] {
        ereport(WARNING,
                (errmsg_plural("%lu session has not finished its transaction within %.1f s",
                               "%lu sessions have not finished their transactions within %.1f s", count,
                               count, waited),
                 errdetail("It is no longer asked to leave, and goes on as before."),
                 errhint("Call again with a longer timeout (below statement_timeout), or with force => true, "
                         "which breaks the transaction off.")));
    });
}

} // namespace sessionctl::api
