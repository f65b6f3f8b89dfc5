// The sweeper: terminates the sessions and pending logins of a role that just lost LOGIN, or CONNECT on a
// database, and exits.

#include "core/error.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/logins/connect_sweep.hpp"
#include "pg/logins/nologin_sweep.hpp"
#include "pg/logins/pending_logins.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/client_message.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/settings.hpp"
#include "worker/logins/sweep_records.hpp"

extern "C" {
#include "access/transam.h"
#include "storage/ipc.h"
#include "storage/procarray.h"

PGDLLEXPORT void sessionctl_sweeper_main(Datum request);
}

namespace sessionctl::worker {

namespace {

/// How long a terminated process may take to end.
constexpr core::Timestamp longest_end = 5 * core::microseconds_per_second;
constexpr core::Timestamp shortest_pause = core::microseconds_per_millisecond;
constexpr core::Timestamp longest_pause = 20 * core::microseconds_per_millisecond;

constexpr char no_login[] = "The role may no longer log in.";
constexpr char no_connect[] = "The role may no longer connect to this database.";

/// How long after the commit a login without a role in the process array may still have read the old row of
/// its role. It shows the role right after that reading, or, where it asks for a password in between, up to
/// authentication_timeout later.
core::Timestamp longest_role_delay() noexcept {
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
    Sweep(pg::SweepRequest request, const pg::ConnectSweepRequest* connect, int spared)
        : after_(request.after), roles_(std::move(request.roles)), connect_(connect), spared_(spared),
          began_(pg::monotonic_now()), role_deadline_(began_ + longest_role_delay()),
          records_(request.after, connect, spared) {}

    void run() {
        // CONNECT is looked up when the role is known, and no password is asked for after that.
        for (const pg::PendingLogin& each : pg::client_processes())
            if (!OidIsValid(each.role) && connect_ == nullptr)
                unidentified_.push_back(each.pid);
        core::Timestamp pause = shortest_pause;
        while (!look()) {
            pg::pause(pause);
            pause = std::min(2 * pause, longest_pause);
        }
        for (SweepVictim& victim : victims_)
            SweepRecords::keep_outcome(victim);
    }

  private:
    /// True when there is nothing left to wait for.
    bool look() {
        const core::vector<pg::PendingLogin> arrivals = pg::client_processes();
        const core::Timestamp now = pg::monotonic_now();
        const auto is_there = [&arrivals](int pid, Oid role) {
            return std::any_of(arrivals.begin(), arrivals.end(), [=](const pg::PendingLogin& each) {
                return each.pid == pid && each.role == role;
            });
        };
        for (SweepVictim& victim : victims_)
            victim.is_gone = victim.is_gone || !is_there(victim.process.pid, victim.process.role);
        bool is_decided = true;
        for (const pg::PendingLogin& each : arrivals)
            if (is_wanted(each))
                is_decided &= decide(each) || now > role_deadline_;
        const auto is_settled = [&](int pid) { return now > role_deadline_ || !is_there(pid, InvalidOid); };
        unidentified_.erase(std::remove_if(unidentified_.begin(), unidentified_.end(), is_settled),
                            unidentified_.end());
        return is_decided && unidentified_.empty() &&
               std::all_of(victims_.begin(), victims_.end(), [now](const SweepVictim& victim) {
                   return victim.is_gone || now - victim.since > longest_end;
               });
    }

    bool is_of_role(const pg::PendingLogin& process) const noexcept {
        return std::find(roles_.begin(), roles_.end(), process.role) != roles_.end();
    }

    bool is_wanted(const pg::PendingLogin& process) const noexcept {
        const bool is_known =
            std::any_of(victims_.begin(), victims_.end(), [&process](const SweepVictim& victim) {
                return victim.process.pid == process.pid && !victim.is_gone;
            });
        return !is_known && process.pid != spared_ &&
               (connect_ != nullptr ? OidIsValid(process.database) : is_of_role(process)) &&
               std::find(skipped_.begin(), skipped_.end(), process.pid) == skipped_.end();
    }

    /// Why it is to be terminated; null where its role may log in, or is protected.
    const char* reason_to_end(const pg::PendingLogin& process) const {
        pg::CatalogScope catalogs;
        const char* reason = nullptr;
        if (pg::is_protected_role(process.role))
            reason = nullptr;
        else if (connect_ != nullptr)
            reason = has_lost_connect(process) ? no_connect : nullptr;
        else if (!pg::call([&process] { return pg::may_log_in(process.role); }))
            reason = no_login;
        catalogs.leave();
        return reason;
    }

    /// A role that lost LOGIN, too, is another sweeper's.
    bool has_lost_connect(const pg::PendingLogin& process) const {
        return pg::has_lost_connect(*connect_, process) && pg::may_be_ended(*connect_, process) &&
               !pg::sweep_note(after_, process.role);
    }

    /// False where it is not known yet whether it is to be ended.
    bool decide(const pg::PendingLogin& process) {
        if (const char* const reason = reason_to_end(process))
            return end_unless_physical(process, reason);
        // Once is enough: core checks all later logins.
        if (connect_ != nullptr)
            skipped_.push_back(process.pid);
        return true;
    }

    /// Terminates it unless it is for physical replication. False where that is not known yet.
    bool end_unless_physical(const pg::PendingLogin& process, const char* reason) {
        SweepVictim victim = {process, pg::monotonic_now(), records_.begin(reason), {}, false};
        const std::optional<bool> is_login = records_.describe(victim);
        if (is_login && *is_login)
            end(victim, reason);
        else if (is_login)
            skipped_.push_back(process.pid);
        return is_login.has_value();
    }

    void end(SweepVictim& victim, const char* reason) {
        pg::ClientMessage client_message = {};
        std::snprintf(client_message.detail, sizeof client_message.detail, "%s", reason);
        pg::put_client_message(victim.session, false, client_message);
        if (pg::end_login(victim.process))
            victims_.push_back(victim);
        else
            pg::clear_client_message(victim.session);
    }

    const TransactionId after_;
    const core::vector<Oid> roles_;
    const pg::ConnectSweepRequest* const connect_; // null: of roles_
    const int spared_;
    const core::Timestamp began_;
    const core::Timestamp role_deadline_;
    core::vector<int> unidentified_; // not authenticated yet when the sweep began
    core::vector<int> skipped_;
    core::vector<SweepVictim> victims_;
    SweepRecords records_;
};

int carry_out(Datum argument) {
    const pg::MemoryScope lasting(TopMemoryContext);
    const pg::SweepRequest request = pg::sweep_request(argument);
    if (!has_committed(request.after))
        return 0;
    const pg::ConnectSweepRequest* const connect =
        request.roles.empty() ? &pg::connect_sweep_request(request.after) : nullptr;
    Sweep(request, connect, MyBgworkerEntry->bgw_notify_pid).run();
    return 0;
}

} // namespace

} // namespace sessionctl::worker

void sessionctl_sweeper_main(Datum request) {
    using namespace sessionctl;
    BackgroundWorkerUnblockSignals();
    compat::connect_worker(pg::sweeper_name);
    proc_exit(pg::entry([request] { return worker::carry_out(request); }));
}
