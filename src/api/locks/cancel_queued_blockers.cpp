// cancel_queued_blockers: cancels statements that block others only by a request that waits.

#include "api/locks/lock_selector.hpp"
#include "api/sessions/notices.hpp"
#include "pg/condition/scope.hpp"
#include "pg/locks/lock_waits.hpp"

using namespace sessionctl;
using api::Arguments;

namespace {

class QueuedBlockers final : public api::LockSelector {
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
    return api::act_by_locks(
        fcinfo,
        [](Arguments& arguments) { return QueuedBlockers(arguments.age_in_microseconds("older_than")); },
        core::Action::cancel, core::Recheck::wait);
}
