// The sweeper: ends what a role that was just shut out still has, sessions and logins under way, and goes.

#include "core/error.hpp"
#include "pg/audit_record.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/newcomers.hpp"
#include "pg/server.hpp"
#include "pg/shared_memory.hpp"
#include "pg/sweep.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_authid.h"
#include "storage/ipc.h"
#include "storage/procarray.h"
#include "utils/syscache.h"

PGDLLEXPORT void sessionctl_sweeper_main(Datum order);
}

namespace sessionctl::worker {

namespace {

constexpr core::Timestamp longest_sweep = 5 * core::microseconds_per_second;
/// A login that has read its role's row before the commit says so in the process array at once: who says
/// nothing by then will read it anew, and be refused.
constexpr core::Timestamp longest_doubt = 2 * core::microseconds_per_second;
constexpr core::Timestamp shortest_pause = core::microseconds_per_millisecond;
constexpr core::Timestamp longest_pause = 20 * core::microseconds_per_millisecond;

bool has_committed(TransactionId transaction) {
    for (core::Timestamp pause = shortest_pause;
         pg::call([transaction] { return TransactionIdIsInProgress(transaction); });
         pause = std::min(2 * pause, longest_pause))
        pg::pause(pause);
    return pg::call([transaction] { return TransactionIdDidCommit(transaction); });
}

bool may_log_in(Oid role) {
    return pg::call([role] {
        const HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
        if (!HeapTupleIsValid(tuple))
            return false;
        const bool may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
        ReleaseSysCache(tuple);
        return may;
    });
}

class Sweep {
  public:
    Sweep(Oid role, int spared) : role_(role), spared_(spared), began_(pg::monotonic_now()) {}

    void run() {
        for (const pg::Newcomer& each : pg::all_arrivals())
            if (!OidIsValid(each.role))
                doubtful_.push_back(each.pid);
        core::Timestamp pause = shortest_pause;
        while (!look() && elapsed() < longest_sweep) {
            pg::pause(pause);
            pause = std::min(2 * pause, longest_pause);
        }
        for (Victim& victim : victims_)
            tell(victim);
    }

  private:
    struct Victim {
        pg::Newcomer process;
        pg::AuditRecord record;
        bool is_gone;
    };

    core::Timestamp elapsed() const noexcept { return pg::monotonic_now() - began_; }

    /// True when nobody is left.
    bool look() {
        const core::vector<pg::Newcomer> arrivals = pg::all_arrivals();
        const auto is_there = [&arrivals](const pg::Newcomer& process) {
            return std::any_of(arrivals.begin(), arrivals.end(), [&process](const pg::Newcomer& each) {
                return each.pid == process.pid && each.role == process.role;
            });
        };
        for (Victim& victim : victims_)
            victim.is_gone = victim.is_gone || !is_there(victim.process);
        for (const pg::Newcomer& each : arrivals)
            if (each.role == role_ && each.pid != spared_ && !is_known(each))
                end(each);
        doubtful_.erase(
            std::remove_if(
                doubtful_.begin(), doubtful_.end(),
                [&](int pid) {
                    return elapsed() > longest_doubt || !is_there({0, pid, InvalidOid, InvalidOid});
                }),
            doubtful_.end());
        return doubtful_.empty() && std::all_of(victims_.begin(), victims_.end(),
                                                [](const Victim& victim) { return victim.is_gone; });
    }

    bool is_known(const pg::Newcomer& process) const noexcept {
        return std::any_of(victims_.begin(), victims_.end(), [&process](const Victim& victim) {
            return victim.process.pid == process.pid && !victim.is_gone;
        });
    }

    void end(const pg::Newcomer& process) {
        Victim victim = {process, {}, false};
        if (describe(victim) && pg::turn_away(process))
            victims_.push_back(victim);
    }

    /// False where the guard rails spare it.
    bool describe(Victim& victim) {
        pg::CatalogScope catalogs;
        const pg::Roster roster = pg::Roster::take();
        const pg::RosterEntry* const entry = roster.find(victim.process.pid);
        const char* const name = pg::call([this] { return compat::role_name_or_null(role_); });
        bool is_spared = false;
        if (entry != nullptr) {
            is_spared = entry->facts.is_protected || entry->facts.kind == core::Kind::walsender;
            victim.record.describe(*entry);
        } else {
            victim.record.pid = victim.process.pid;
            victim.record.role.set(name);
        }
        catalogs.leave();
        return !is_spared;
    }

    void tell(Victim& victim) const noexcept {
        victim.record.action.set("terminate");
        victim.record.result.set(
            core::outcome_name(victim.is_gone ? core::Outcome::terminated : core::Outcome::still_running));
        victim.record.set_field(victim.record.reason, "The role may no longer log in.");
        pg::keep_record(victim.record);
        if (pg::SharedMemory* const shared = pg::shared_memory())
            shared->counter(pg::Deed::terminate).add(victim.is_gone);
    }

    const Oid role_;
    const int spared_;
    const core::Timestamp began_;
    core::vector<int> doubtful_; // not authenticated yet when the sweep began
    core::vector<Victim> victims_;
};

int carry_out(const pg::SweepOrder& order) {
    const pg::MemoryScope lasting(TopMemoryContext);
    if (!has_committed(order.after))
        return 0;
    pg::CatalogScope catalogs;
    const bool is_wanted = !may_log_in(order.role);
    catalogs.leave();
    if (is_wanted)
        Sweep(order.role, MyBgworkerEntry->bgw_notify_pid).run();
    return 0;
}

} // namespace

} // namespace sessionctl::worker

void sessionctl_sweeper_main(Datum order) {
    using namespace sessionctl;
    BackgroundWorkerUnblockSignals();
    compat::connect_worker(pg::sweeper_name);
    proc_exit(pg::entry([order] { return worker::carry_out(pg::sweep_order(order)); }));
}
