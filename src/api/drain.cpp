#include "api/drain.hpp"

#include "core/drain.hpp"
#include "pg/drain_request.hpp"
#include "pg/error.hpp"
#include "pg/progress.hpp"
#include "pg/server.hpp"
#include "pg/shared_memory.hpp"
#include "pg/stillness.hpp"

namespace sessionctl::api {

namespace {

/// How long the end of those may take who are forced.
constexpr core::Timestamp forced_wait = 5 * core::microseconds_per_second;

constexpr pg::Farewell none = {};

/// The server at the instant of the signal. A session shows itself idle before it sends the answer to its
/// last statement, and must have sent all of it.
class DrainedServer final : public pg::LiveServer {
  public:
    /// The farewell stays when a signal is put off: who is asked has got it with that.
    DrainedServer(const pg::Farewell& farewell, pg::CallEvidence& evidence,
                  pg::DrainRequests& requests) noexcept
        : LiveServer(none), farewell_(farewell), evidence_(evidence), requests_(requests) {}

    /// What it did when it was asked is taken down by then; at its end it is idle anyway, unless it is
    /// forced.
    bool hold(const core::Session& session, core::Action action) override {
        if (is_forcing_)
            evidence_.take(session);
        return LiveServer::hold(session, action);
    }
    void begin_to_force() noexcept { is_forcing_ = true; }

    /// Nothing but the signal follows on the last look; between two that show the same it was at rest.
    core::Sight look(const core::Session& session) override {
        const core::Sight first = LiveServer::look(session);
        if (!is_holding() || !core::is_login(session.kind) || first.is_streaming)
            return first;
        const bool is_ready = is_ready_to_go(session);
        core::Sight sight = LiveServer::look(session);
        if (!is_ready || sight.state_change != first.state_change)
            sight.state = core::State::undefined;
        return sight;
    }

    core::Delivery send() override {
        pg::leave_farewell(held(), false, farewell_); // another call may have taken it away
        const core::Answer before = requests_.answer_for(held(), core::Answer::does);
        const core::Delivery delivery = LiveServer::send();
        if (delivery != core::Delivery::delivered)
            requests_.answer_for(held(), before);
        return delivery;
    }

  private:
    /// Where sessions can't be asked, one that shows itself idle but runs, or waits for a processor, has been
    /// woken: its client's next statement is there already.
    bool is_ready_to_go(const core::Session& session) const noexcept {
        if (!pg::is_at_rest(session) || (!can_ask_ && pg::is_runnable(session.id.pid)))
            return false;
        return requests_.answer_of(session) != core::Answer::will || !pg::is_unheard(session);
    }

    const pg::Farewell& farewell_;
    pg::CallEvidence& evidence_;
    pg::DrainRequests& requests_;
    bool is_forcing_ = false;
    const bool can_ask_ = pg::shared_memory() != nullptr;
};

} // namespace

void drain(const Request& request, const pg::Farewell& farewell, pg::CallEvidence& evidence,
           const pg::Span& span, core::Plan& plan, core::Chronicle& chronicle) {
    pg::DrainRequests requests(farewell, evidence);
    DrainedServer server(farewell, evidence, requests);
    core::drain_all(plan, span.deadline, request.timeout > 0, server, requests, chronicle);
    // Who was promised more time than this statement has is not forced before that.
    if (!request.force || span.is_cut_short)
        return;
    server.begin_to_force();
    const pg::Span more(request.timeout > 0 ? forced_wait : 0);
    pg::Progress::set_deadline(request.timeout > 0 ? more.deadline : pg::Progress::no_deadline);
    core::force_rest(plan, more.deadline, server);
    if (request.timeout > 0)
        core::prove_all(plan, request.action, more.deadline, server, chronicle);
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
                 errhint("Call again with a longer timeout (below statement_timeout), or with force %s true, "
                         "which breaks the transaction off.",
                         compat::argument_sign)));
    });
}

void tell_walsenders(const pg::Roster& before, const core::Plan& plan) {
    // Who drains one application is not about to stop the server.
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
        ereport(NOTICE,
                (errmsg_plural("%lu walsender is left", "%lu walsenders are left", count, count),
                 errdetail("A shutdown waits until each has sent all WAL and its client has confirmed it, or "
                           "until wal_sender_timeout ends it."),
                 errhint("Those for logical replication lose nothing by an end, and a standby that does not "
                         "answer gets nothing any more: sessionctl.terminate_where with "
                         "include_replication %s true ends them.",
                         compat::argument_sign)));
    });
}

} // namespace sessionctl::api
