// terminate_lock_holders: ends the sessions that hold or wait for locks on a relation.

#include "api/locks/lock_selector.hpp"
#include "api/sessions/notices.hpp"
#include "core/error.hpp"
#include "core/locks/lock_mode.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/locks/prepared_locks.hpp"
#include "pg/locks/relation_family.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

using namespace sessionctl;
using api::Arguments;

namespace {

class LockHolders final : public api::LockSelector {
  public:
    LockHolders(Oid relation, const char* name, LOCKMODE least) noexcept
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
        core::sort_once_each(pids);
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
        if (!pg::has_prepared(table))
            return;
        const core::vector<pg::Prepared> all = pg::prepared_transactions();
        const core::vector<const pg::Prepared*> found = pg::prepared_on(table, family_, least_, all);
        const core::string relation =
            core::string(" relation \"").append(pg::one_line(name_)).append("\" locked");
        api::report_prepared(found, relation.c_str());
    }

    const Oid relation_;
    const char* const name_;
    const LOCKMODE least_;
    core::vector<Oid> family_;
};

} // namespace

SQL_FUNCTION(sessionctl_terminate_lock_holders)
{
    return api::act_by_locks(fcinfo, [](Arguments& arguments) {
        const Oid relation = arguments.oid("relation");
        const LOCKMODE least = core::checked_lock_mode(arguments.text("min_mode"));
        const char* const name = pg::call([relation] { return get_rel_name(relation); });
        if (name == nullptr)
            throw core::Error(core::sqlstate::undefined_table, "relation with OID %u does not exist",
                              relation);
        return LockHolders(relation, name, least);
    });
}
