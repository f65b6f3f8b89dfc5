// terminate_blockers: ends the head of the queue in which a session waits.

#include "api/locks/lock_selector.hpp"
#include "api/locks/non_lock_wait.hpp"
#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_waits.hpp"

using namespace sessionctl;
using api::Arguments;

namespace {

class Blockers final : public api::LockSelector {
  public:
    explicit Blockers(int waiter) noexcept : waiter_(waiter) {}

  protected:
    core::vector<int> find_pids(const pg::Roster& roster) override {
        const pg::LockWaits& waits = *pg::LockWaits::take();
        const core::WaitGraph& graph = waits.graph();
        const core::vector<int> blockers = blockers_in(graph);
        if (blockers.empty())
            report_no_blockers(roster, graph);
        core::vector<int> pids = pg::pids_of(graph, blockers);
        for (const int pid : pids)
            refuse_self(pid);
        report_prepared(graph, blockers);
        return pids;
    }

    core::vector<int> pids_now(const pg::Roster&) override {
        const core::WaitGraph& graph = pg::LockWaits::take()->graph();
        return pg::pids_of(graph, blockers_in(graph));
    }

  private:
    core::vector<int> blockers_in(const core::WaitGraph& graph) const {
        const int party = graph.find(waiter_);
        return party >= 0 ? graph.blockers_to_end(party) : core::vector<int>();
    }

    void refuse_self(int pid) const {
        if (!pg::call([pid] { return compat::is_own_session(pid); }))
            return;
        throw core::Error(core::sqlstate::object_in_use, "session %d waits for your session", waiter_)
            .hint("End your transaction with COMMIT or ROLLBACK, or release the advisory lock that it waits "
                  "for.");
    }

    void report_no_blockers(const pg::Roster& roster, const core::WaitGraph& graph) const {
        const int pid = waiter_;
        const int party = graph.find(pid);
        const pg::RosterEntry* const entry = roster.find(pid);
        if (entry == nullptr) {
            pg::call([pid] { ereport(NOTICE, (errmsg("there is no session with process ID %d", pid))); });
            return;
        }
        const int behind = party >= 0 ? graph.waiting_behind(party) : 0;
        const core::string what = api::non_lock_wait(*entry);
        const core::string who = api::others_in_way(roster, *entry);
        const core::string hint = hint_for(*entry, party >= 0 ? graph.party(party).pid : pid, behind);
        pg::call([&, pid, behind] {
            ereport(NOTICE, (errmsg_plural("session %d waits for no lock%s, and %d session waits for it",
                                           "session %d waits for no lock%s, and %d sessions wait for it",
                                           behind, pid, what.c_str(), behind),
                             who.empty() ? 0 : errdetail("%s", who.c_str()), errhint("%s", hint.c_str())));
        });
    }

    static core::string hint_for(const pg::RosterEntry& entry, int session, int behind) {
        core::string hint(api::hint_for_non_lock_wait(entry));
        if (behind == 0)
            return hint.empty()
                       ? core::string(
                             "Name a session that waits. SELECT sessionctl.blocking_tree() shows who does.")
                       : hint;
        if (!hint.empty())
            hint.append(" ");
        if (pg::call([session] { return compat::is_own_session(session); }))
            return hint.append(
                "End your transaction with COMMIT or ROLLBACK, or release the advisory lock that "
                "others wait for.");
        char call[96];
        std::snprintf(call, sizeof call,
                      "To end the session itself, SELECT sessionctl.terminate_session(%d).", session);
        return hint.append(call);
    }

    void report_prepared(const core::WaitGraph& graph, const core::vector<int>& blockers) const {
        const core::vector<pg::Prepared> all = pg::prepared_in(graph);
        core::vector<const pg::Prepared*> found;
        for (const int blocker : blockers)
            if (graph.party(blocker).is_prepared())
                if (const pg::Prepared* const prepared = pg::find_prepared(all, graph.party(blocker).xid))
                    found.push_back(prepared);
        char waiter[48];
        std::snprintf(waiter, sizeof waiter, " session %d waiting", waiter_);
        api::report_prepared(found, waiter);
    }

    const int waiter_;
};

} // namespace

SQL_FUNCTION(sessionctl_terminate_blockers)
{
    return api::act_by_locks(fcinfo,
                             [](Arguments& arguments) { return Blockers(arguments.integer("waiter_pid")); });
}
