// The recipes for locks: the head of a wait queue, lock holders and waiters of a relation, and statements
// that block others only by a request that waits.

#include "api/locks/lockless_wait.hpp"
#include "api/serve.hpp"
#include "api/sessions/options.hpp"
#include "api/values.hpp"
#include "core/error.hpp"
#include "core/locks/lock_mode.hpp"
#include "pg/condition/scope.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_table.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/locks/prepared_transactions.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;

namespace {

/// Selects sessions by their locks, after the roster was read. Most locks are released at the end of the
/// transaction, session-level advisory locks are not: a session that has begun another transaction since then
/// is checked again before the signal.
class LockSelector : public api::SessionSelector {
  public:
    void find(const pg::Roster& roster) final {
        const core::vector<int> pids = find_pids(roster);
        pids_ = pg::call([&pids] { return api::integers_of(pids); });
    }

    bool still_selects(const core::Session& session, const pg::Roster& roster) final {
        const pg::ScratchMemory scratch;
        const core::vector<int> pids = pids_now(roster);
        return std::find(pids.begin(), pids.end(), session.id.pid) != pids.end();
    }

    /// Reads what all recipes share after their own arguments (W, G) and runs. Needs a scratch memory around
    /// it and the selector.
    Datum run(Arguments& arguments, core::Action action = core::Action::terminate,
              core::Recheck recheck = core::Recheck::selection) {
        Request request;
        request.action = action;
        request.recheck = recheck;
        request.condition = {"pid = any ($1)", 1, &type_, &pids_, &is_null_, nullptr};
        request.selector = this;
        api::read_wait(arguments, request);
        api::read_guards(arguments, request);
        return Int64GetDatum(core::counted(api::run(request).plan, request.action));
    }

  protected:
    ~LockSelector() = default;
    /// Called once: also reports to the caller what else was found.
    virtual core::vector<int> find_pids(const pg::Roster& roster) = 0;
    virtual core::vector<int> pids_now(const pg::Roster& roster) = 0;

  private:
    Oid type_ = INT4ARRAYOID;
    Datum pids_ = 0;
    char is_null_ = ' ';
};

core::string worded(const char* one, const char* many, std::size_t count, const char* of) {
    char number[24];
    std::snprintf(number, sizeof number, "%zu", count);
    return core::string(number).append(count == 1 ? one : many).append(of);
}

// --- blockers of a session

class BlockersOf final : public LockSelector {
  public:
    explicit BlockersOf(int waiter) noexcept : waiter_(waiter) {}

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
        const core::string what = api::lockless_wait(*entry);
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
        core::string hint(api::hint_for_lockless_wait(entry));
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
        pg::report_prepared(found, worded(" prepared transaction keeps", " prepared transactions keep",
                                          found.size(), waiter));
    }

    const int waiter_;
};

// --- a relation

class HoldersOf final : public LockSelector {
  public:
    HoldersOf(Oid relation, const char* name, LOCKMODE least) noexcept
        : relation_(relation), name_(name), least_(least) {}

  protected:
    core::vector<int> find_pids(const pg::Roster& roster) override {
        family_ = pg::family_of(relation_);
        const pg::LockTable table;
        report_prepared(table);
        core::vector<int> pids = sessions_in(table, roster, least_);
        if (pids.empty())
            report_weaker(sessions_in(table, roster, AccessShareLock));
        return pids;
    }

    core::vector<int> pids_now(const pg::Roster& roster) override {
        return sessions_in(pg::LockTable(), roster, least_);
    }

  private:
    /// Parallel workers count as their leader.
    core::vector<int> sessions_in(const pg::LockTable& table, const pg::Roster& roster,
                                  LOCKMODE least) const {
        core::vector<int> pids = table.interested_in(family_, least);
        std::transform(pids.begin(), pids.end(), pids.begin(), [&roster](int pid) {
            const pg::RosterEntry* const entry = roster.find(pid);
            return entry != nullptr && entry->proc.leader_pid != 0 ? entry->proc.leader_pid : pid;
        });
        std::sort(pids.begin(), pids.end());
        pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
        return pids;
    }

    /// The caller's own session may have a lock on it, from reading it.
    static void report_weaker(const core::vector<int>& pids) {
        const auto count = std::count_if(pids.begin(), pids.end(), [](int pid) {
            return !pg::call([pid] { return compat::is_own_session(pid); });
        });
        api::report_below(
            static_cast<std::size_t>(count),
            "%lu session holds or waits for a lock on the relation that is weaker than min_mode",
            "%lu sessions hold or wait for locks on the relation that are weaker than min_mode",
            "A weaker min_mode includes more of them.");
    }

    void report_prepared(const pg::LockTable& table) const {
        if (!table.has_prepared())
            return;
        const core::vector<pg::Prepared> all = pg::prepared_transactions();
        const core::vector<const pg::Prepared*> found = table.prepared_on(family_, least_, all);
        const core::string relation =
            core::string(" relation \"").append(pg::one_line(name_)).append("\" locked");
        pg::report_prepared(found, worded(" prepared transaction keeps", " prepared transactions keep",
                                          found.size(), relation.c_str()));
    }

    const Oid relation_;
    const char* const name_;
    const LOCKMODE least_;
    core::vector<Oid> family_;
};

// --- requests that block others

class QueuedBlockers final : public LockSelector {
  public:
    explicit QueuedBlockers(core::Timestamp older_than) noexcept : older_than_(older_than) {}

  protected:
    core::vector<int> find_pids(const pg::Roster& roster) override {
        found_ = waits_now(roster, older_than_);
        if (found_.empty())
            report_younger(roster);
        return pids_of(found_);
    }

    /// Only sessions that still wait for the same lock, since the same time.
    core::vector<int> pids_now(const pg::Roster& roster) override {
        core::vector<Wait> waits = waits_now(roster, older_than_);
        waits.erase(std::remove_if(waits.begin(), waits.end(),
                                   [this](const Wait& wait) {
                                       return std::find(found_.begin(), found_.end(), wait) == found_.end();
                                   }),
                    waits.end());
        return pids_of(waits);
    }

  private:
    struct Wait {
        int pid;
        LOCKTAG lock;
        core::Timestamp since; // 0: not known

        bool operator==(const Wait& other) const noexcept {
            return pid == other.pid && since == other.since &&
                   std::memcmp(&lock, &other.lock, sizeof lock) == 0;
        }
    };

    /// Before 14 their age is that of the statement, which the caller may not be allowed to see.
    static void report_younger(const pg::Roster& roster) {
        if (!compat::has_wait_start && pg::is_under_other_user())
            return;
        constexpr core::Timestamp any = std::numeric_limits<core::Timestamp>::min();
        const core::vector<int> pids = pids_of(waits_now(roster, any));
        api::report_below(pids.size(),
                          "%lu session makes others wait by its request, but has not waited for longer than "
                          "older_than",
                          "%lu sessions make others wait by their requests, but have not waited for longer "
                          "than older_than",
                          "A smaller older_than includes more of them.");
    }

    static core::vector<Wait> waits_now(const pg::Roster& roster, core::Timestamp older_than) {
        const pg::LockWaits& all = *pg::LockWaits::take();
        const core::WaitGraph& graph = all.graph();
        const core::vector<int> blocked = graph.blocked_by_request();
        core::vector<Wait> waits;
        for (std::size_t i = 0; i < blocked.size(); ++i) {
            const core::ProcLock& proclock = graph.proclocks()[i];
            const pg::RosterEntry* const entry = roster.find(proclock.party.pid);
            if (blocked[i] > 0 && entry != nullptr && is_older(proclock, *entry, roster.taken_at, older_than))
                waits.push_back({proclock.party.pid, all.lock_of(proclock), proclock.since});
        }
        return waits;
    }

    /// Before 14 the age of the statement stands for that of the wait, if the caller may see it.
    static bool is_older(const core::ProcLock& proclock, const pg::RosterEntry& entry, core::Timestamp now,
                         core::Timestamp older_than) {
        const bool shows_statement =
            !compat::has_wait_start && entry.role_facts.is_visible && core::is_active(entry.facts.state);
        const core::Timestamp since = shows_statement ? entry.facts.query_start : proclock.since;
        return since != 0 && now - since > older_than;
    }

    static core::vector<int> pids_of(const core::vector<Wait>& waits) {
        core::vector<int> pids;
        for (const Wait& wait : waits)
            pids.push_back(wait.pid);
        core::sort_once_each(pids);
        return pids;
    }

    const core::Timestamp older_than_;
    core::vector<Wait> found_;
};

} // namespace

SQL_FUNCTION(sessionctl_cancel_queued_blockers)
{
    return api::serve([&] {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        QueuedBlockers blockers(arguments.age_in_microseconds("older_than"));
        return blockers.run(arguments, core::Action::cancel, core::Recheck::wait);
    });
}

SQL_FUNCTION(sessionctl_terminate_blockers)
{
    return api::serve([&] {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        BlockersOf blockers(arguments.integer("waiter_pid"));
        return blockers.run(arguments);
    });
}

SQL_FUNCTION(sessionctl_terminate_lock_holders)
{
    return api::serve([&] {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        const Oid relation = arguments.oid("relation");
        const LOCKMODE least = core::checked_lock_mode(arguments.text("min_mode"));
        const char* const name = pg::call([relation] { return get_rel_name(relation); });
        if (name == nullptr)
            throw core::Error(core::sqlstate::undefined_table, "relation with OID %u does not exist",
                              relation);
        HoldersOf holders(relation, name, least);
        return holders.run(arguments);
    });
}
