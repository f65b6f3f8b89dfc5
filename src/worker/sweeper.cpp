// The sweeper: ends what a role that was just shut out still has, sessions and logins under way, and goes.

#include "core/error.hpp"
#include "pg/audit_record.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/newcomers.hpp"
#include "pg/server.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "pg/sweep.hpp"

extern "C" {
#include "access/transam.h"
#include "storage/ipc.h"
#include "storage/procarray.h"

PGDLLEXPORT void sessionctl_sweeper_main(Datum order);
}

namespace sessionctl::worker {

namespace {

/// How long who is ended may take.
constexpr core::Timestamp longest_end = 5 * core::microseconds_per_second;
constexpr core::Timestamp shortest_pause = core::microseconds_per_millisecond;
constexpr core::Timestamp longest_pause = 20 * core::microseconds_per_millisecond;

/// How long a login that says no role yet may have read its role's row before the commit. It says so in the
/// process array right after it has read it: at once, or where it asks for a password in between, as long as
/// it may take to get one.
core::Timestamp longest_doubt() noexcept {
    if (compat::login_reads_role_late)
        return 2 * core::microseconds_per_second;
    return (compat::authentication_timeout() + 1) * core::microseconds_per_second;
}

bool has_committed(TransactionId transaction) {
    for (core::Timestamp pause = shortest_pause;
         pg::call([transaction] { return TransactionIdIsInProgress(transaction); });
         pause = std::min(2 * pause, longest_pause))
        pg::pause(pause);
    return pg::call([transaction] { return TransactionIdDidCommit(transaction); });
}

class Sweep {
  public:
    Sweep(core::vector<Oid> roles, int spared)
        : roles_(std::move(roles)), spared_(spared), began_(pg::monotonic_now()),
          doubt_ends_(began_ + longest_doubt()) {}

    void run() {
        for (const pg::Newcomer& each : pg::all_arrivals())
            if (!OidIsValid(each.role))
                doubtful_.push_back(each.pid);
        core::Timestamp pause = shortest_pause;
        while (!look()) {
            pg::pause(pause);
            pause = std::min(2 * pause, longest_pause);
        }
        for (Victim& victim : victims_)
            tell(victim);
    }

  private:
    struct Victim {
        pg::Newcomer process;
        core::Timestamp since;
        pg::AuditRecord record;
        bool is_gone;
    };

    /// True when there is nobody left to wait for.
    bool look() {
        const core::vector<pg::Newcomer> arrivals = pg::all_arrivals();
        const core::Timestamp now = pg::monotonic_now();
        const auto is_there = [&arrivals](int pid, Oid role) {
            return std::any_of(arrivals.begin(), arrivals.end(), [=](const pg::Newcomer& each) {
                return each.pid == pid && each.role == role;
            });
        };
        for (Victim& victim : victims_)
            victim.is_gone = victim.is_gone || !is_there(victim.process.pid, victim.process.role);
        for (const pg::Newcomer& each : arrivals)
            if (is_wanted(each) && may_end(each))
                end(each);
        const auto is_settled = [&](int pid) { return now > doubt_ends_ || !is_there(pid, InvalidOid); };
        doubtful_.erase(std::remove_if(doubtful_.begin(), doubtful_.end(), is_settled), doubtful_.end());
        return doubtful_.empty() &&
               std::all_of(victims_.begin(), victims_.end(), [now](const Victim& victim) {
                   return victim.is_gone || now - victim.since > longest_end;
               });
    }

    bool is_wanted(const pg::Newcomer& process) const noexcept {
        const bool is_known = std::any_of(victims_.begin(), victims_.end(), [&process](const Victim& victim) {
            return victim.process.pid == process.pid && !victim.is_gone;
        });
        return !is_known && process.pid != spared_ &&
               std::find(roles_.begin(), roles_.end(), process.role) != roles_.end() &&
               std::find(excused_.begin(), excused_.end(), process.pid) == excused_.end();
    }

    /// As long as it is shut out, and no guard rail spares it.
    static bool may_end(const pg::Newcomer& process) {
        pg::CatalogScope catalogs;
        const bool may = !pg::call([&process] { return pg::may_log_in(process.role); }) &&
                         !pg::is_protected_role(process.role);
        catalogs.leave();
        return may;
    }

    void end(const pg::Newcomer& process) {
        Victim victim = {process, pg::monotonic_now(), {}, false};
        if (!describe(victim))
            excused_.push_back(process.pid);
        else if (pg::turn_away(process))
            victims_.push_back(victim);
    }

    /// False for a walsender.
    static bool describe(Victim& victim) {
        pg::CatalogScope catalogs;
        const pg::Roster roster = pg::Roster::take();
        const pg::RosterEntry* const entry = roster.find(victim.process.pid);
        if (entry != nullptr)
            victim.record.describe(*entry);
        victim.record.pid = victim.process.pid;
        // From 18 on a login stands in the table from its beginning, first without its role.
        victim.record.role.set(
            pg::call([&victim] { return compat::role_name_or_null(victim.process.role); }));
        const bool is_client = entry == nullptr || entry->facts.kind != core::Kind::walsender;
        catalogs.leave();
        return is_client;
    }

    static void tell(Victim& victim) noexcept {
        victim.record.action.set("terminate");
        victim.record.result.set(
            core::outcome_name(victim.is_gone ? core::Outcome::terminated : core::Outcome::still_running));
        victim.record.set_field(victim.record.reason, "The role may no longer log in.");
        pg::keep_record(victim.record);
        if (pg::SharedMemory* const shared = pg::shared_memory())
            shared->counter(pg::Deed::terminate).add(victim.is_gone);
    }

    const core::vector<Oid> roles_;
    const int spared_;
    const core::Timestamp began_;
    const core::Timestamp doubt_ends_;
    core::vector<int> doubtful_; // not authenticated yet when the sweep began
    core::vector<int> excused_;
    core::vector<Victim> victims_;
};

int carry_out(Datum argument) {
    const pg::MemoryScope lasting(TopMemoryContext);
    const pg::SweepOrder order = pg::sweep_order(argument);
    if (has_committed(order.after))
        Sweep(order.roles, MyBgworkerEntry->bgw_notify_pid).run();
    return 0;
}

} // namespace

} // namespace sessionctl::worker

void sessionctl_sweeper_main(Datum order) {
    using namespace sessionctl;
    BackgroundWorkerUnblockSignals();
    compat::connect_worker(pg::sweeper_name);
    proc_exit(pg::entry([order] { return worker::carry_out(order); }));
}
