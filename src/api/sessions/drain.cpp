#include "api/sessions/drain.hpp"

#include "core/sessions/drain.hpp"
#include "pg/error.hpp"
#include "pg/sessions/drain_requesters.hpp"
#include "pg/sessions/drain_server.hpp"
#include "pg/sessions/progress.hpp"
#include "pg/sessions/statement_time.hpp"

namespace sessionctl::api {

namespace {

/// How long terminated sessions may take to end.
constexpr core::Timestamp forced_wait = 5 * core::microseconds_per_second;

class CallServer final : public pg::DrainServer {
  public:
    CallServer(const pg::ClientMessage& client_message, pg::CallEvidence& evidence) noexcept
        : client_message_(client_message), evidence_(evidence) {}

    /// What the session did was recorded when it was asked to end. At its end it is idle, unless it is
    /// terminated.
    bool pin(const core::Session& session, core::Action action) override {
        if (is_forcing_)
            evidence_.take(session);
        return DrainServer::pin(session, action);
    }
    void begin_to_force() noexcept { is_forcing_ = true; }

    core::Delivery send() override {
        pg::put_client_message(pinned(), false, client_message_); // another call may have removed it
        return DrainServer::send();
    }

  private:
    const pg::ClientMessage& client_message_;
    pg::CallEvidence& evidence_;
    bool is_forcing_ = false;
};

} // namespace

void drain(const Request& request, const pg::ClientMessage& client_message, pg::CallEvidence& evidence,
           const pg::Span& span, core::Plan& plan, core::ResultObserver& observer) {
    pg::DrainRequests requests(client_message, evidence);
    CallServer server(client_message, evidence);
    core::drain_all(plan, span.deadline, request.timeout > 0, server, requests, observer);
    // Sessions get the time that the caller allowed. If the statement's own timeout is shorter, none is
    // forced.
    if (!request.force || span.is_cut_short)
        return;
    server.begin_to_force();
    const pg::Span more(request.timeout > 0 ? forced_wait : 0);
    pg::Progress::set_deadline(request.timeout > 0 ? more.deadline : pg::Progress::no_deadline);
    core::force_rest(plan, more.deadline, server);
    if (request.timeout > 0)
        core::prove_all(plan, request.action, more.deadline, server, observer);
}

void warn_of_unfinished(const core::Plan& plan, bool is_cut_short) {
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
                 errdetail("The request to end after the transaction was withdrawn."),
                 is_cut_short
                     ? errhint("Raise statement_timeout: it left less time than the timeout of the call, and "
                               "nothing is forced before that is over.")
                     : errhint("Call again with a longer timeout (below statement_timeout), or with force %s "
                               "true, which aborts the transaction.",
                               compat::argument_sign)));
    });
}

void report_walsenders(const pg::Roster& before, const core::Plan& plan) {
    // A drain of one application is not the preparation of a shutdown.
    const auto is_matched = [&plan](const core::Session& session) {
        return std::any_of(plan.begin(), plan.end(), [&session](const core::Target& target) {
            return target.session.id == session.id;
        });
    };
    for (const pg::RosterEntry& entry : before.entries)
        if (entry.facts.kind == core::Kind::client && !entry.facts.is_self && !is_matched(entry.facts))
            return;
    const pg::Roster now = pg::Roster::take();
    const auto count = static_cast<unsigned long>(
        std::count_if(now.entries.begin(), now.entries.end(),
                      [](const pg::RosterEntry& entry) { return core::is_walsender(entry.facts.kind); }));
    if (count == 0)
        return;
    pg::call([count] {
        ereport(
            NOTICE,
            (errmsg_plural("%lu walsender is still connected", "%lu walsenders are still connected", count,
                           count),
             errdetail("A shutdown waits until each has sent all WAL and its client has confirmed it, or "
                       "until wal_sender_timeout ends it."),
             errhint("Those for logical replication, and those whose standby does not answer, can be ended "
                     "without loss: use sessionctl.terminate_where with include_replication %s true.",
                     compat::argument_sign)));
    });
}

} // namespace sessionctl::api
