#include "worker/reaper/reaper.hpp"

#include "core/reaper/violation_text.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/clients/client_presence.hpp"
#include "pg/clients/inactivity.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/reaper/limit_parameters.hpp"
#include "pg/reaper/reaper_lock.hpp"
#include "pg/reaper/reaper_process.hpp"
#include "pg/reloads.hpp"
#include "pg/sessions/commits.hpp"
#include "pg/sessions/drain_requesters.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "worker/locks/lock_wait_enforcer.hpp"
#include "worker/reaper/limit_enforcer.hpp"
#include "worker/rules/rules_starter.hpp"

extern "C" {
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/guc.h"
PGDLLEXPORT void sessionctl_reaper_main(Datum);
}

#include <csignal>

#include <unistd.h>

namespace sessionctl::worker {

namespace {

volatile std::sig_atomic_t is_terminated = 0;
volatile std::sig_atomic_t has_new_settings = 0;

void wake_up() noexcept {
    if (MyProc != nullptr)
        SetLatch(&MyProc->procLatch);
}

extern "C" void sessionctl_reaper_terminate(SIGNAL_ARGS) {
    const int saved = errno;
    is_terminated = 1;
    wake_up();
    errno = saved;
}

extern "C" void sessionctl_reaper_reload(SIGNAL_ARGS) {
    const int saved = errno;
    has_new_settings = 1;
    wake_up();
    errno = saved;
}

/// pg_cancel_backend() on all processes must not stop the reaper.
extern "C" void sessionctl_reaper_ignore(SIGNAL_ARGS) {}

/// The server's facts for the monitor. The lock table and the clients' connections are read at most once a
/// look, and only if needed.
class LiveFacts final : public core::Facts {
  public:
    int waiting_behind(const core::Session& session) override {
        if (waits_ == nullptr)
            waits_ = pg::LockWaits::take();
        return waits_->waiting_behind(session.id.pid);
    }

    std::int64_t held_back(const core::Session& session) override {
        return pg::call([&session]() -> std::int64_t {
            const auto& entry = const_cast<const PgBackendStatus&>(compat::status_array().at(session.slot));
            if (entry.st_procpid != session.id.pid)
                return 0;
            const compat::ProcView ids = compat::proc_view(session.slot, entry);
            const TransactionId next = compat::next_transaction_id();
            const auto age = [next](TransactionId id) {
                return TransactionIdIsNormal(id) ? static_cast<std::int32_t>(next - id) : 0;
            };
            return std::max(age(ids.xid), age(ids.xmin));
        });
    }

    core::Inactivity inactivity(const core::Session& session) override { return pg::inactivity_of(session); }

    bool is_client_gone(const core::Session& session) override {
        return clients_.presence_of(session.id.pid, pg::client_of(session)) == pg::ClientPresence::gone;
    }

  private:
    const pg::LockWaits* waits_ = nullptr;
    pg::ClientConnections clients_;
};

class Reaper {
  public:
    Reaper() : monitor_(pg::call([] { return compat::status_array().count; })) {}

    void run() {
        core::Timestamp next_look = 0;
        bool is_woken = false;
        while (!is_terminated) {
            if (has_new_settings)
                reload();
            if (is_woken || pg::monotonic_now() >= next_look)
                next_look = look();
            if (pg::monotonic_now() >= lock_wait_enforcer_.next_look())
                lock_wait_enforcer_.look();
            is_woken = sleep_until(
                std::min({next_look, lock_wait_enforcer_.next_look(), endings_.follow_up(), rules_.look()}));
        }
        enforcer_.finish();
        endings_.finish();
    }

  private:
    void reload() {
        has_new_settings = 0;
        const pg::ReaperAction before = pg::reaper_action_setting();
        pg::call([] { ProcessConfigFile(PGC_SIGHUP); });
        monitor_.reconsider(pg::reaper_action_setting() != before);
        lock_wait_enforcer_.reconsider();
        rules_.reconsider();
    }

    /// The clocks are read after the table, so that no stamp is in the future; the wall clock first: a delay
    /// between the two makes a session seem younger, not older.
    void begin() noexcept {
        const core::Timestamp wall = GetCurrentTimestamp();
        monitor_.begin(pg::monotonic_now(), wall);
        monitor_.expect_login(pg::own_limits());
    }

    /// Looks at all sessions once, handles violations, and returns when to look again.
    core::Timestamp look() {
        const pg::ScratchMemory scratch;
        if (pg::SharedMemory* const shared = pg::shared_memory()) {
            ++shared->reaper.wakeups;
            shared->reaper.next_look = core::LimitMonitor::never; // a new limit wakes the reaper from here on
        }
        core::vector<core::Session> sessions;
        pg::call([&sessions] { pg::list_sessions(sessions); });
        begin();
        LiveFacts facts;
        for (const core::Limits& limits : pg::limits_of_logins(sessions))
            monitor_.expect_login(limits);
        int clients = 0;
        int with_own_limits = 0;
        int exempt = 0;
        for (const core::Session& session : sessions) {
            if (!core::is_login(session.kind) || pg::is_streaming(session))
                continue;
            ++clients;
            with_own_limits += pg::has_own_limits(session);
            const core::Limits limits = pg::limits_of(session);
            const bool waits_for_client =
                (limits[core::Limit::client_silence] != 0 || limits[core::Limit::horizon_age] != 0) &&
                pg::client_wait_of(session) != pg::ClientWait::none;
            const core::SessionSample sample = {session, limits, waits_for_client};
            const auto violation = monitor_.check(sample, facts);
            if (!violation || enforcer_.enforce(*violation, monitor_))
                pg::looked_at(session, pg::Watcher::reaper);
            if (const auto too_old = monitor_.check_lifetime(sample))
                enforcer_.enforce(*too_old, monitor_);
            exempt += monitor_.is_exempt(session);
        }
        enforcer_.finish_look(monitor_);
        publish(clients, with_own_limits, exempt);
        return monitor_.next_look();
    }

    void publish(int watched, int with_own_limits, int exempt) noexcept {
        pg::SharedMemory* const shared = pg::shared_memory();
        if (shared == nullptr)
            return;
        const core::Timestamp next = monitor_.next_look();
        const core::Limits limits = pg::own_limits();
        for (int i = 0; i < core::limit_count; ++i)
            shared->reaper.limits[i] = limits[static_cast<core::Limit>(i)];
        shared->reaper.watched = watched;
        shared->reaper.with_own_limits = with_own_limits;
        shared->reaper.exempt = exempt;
        shared->reaper.next_deadline =
            next == core::LimitMonitor::never ? 0 : GetCurrentTimestamp() + (next - pg::monotonic_now());
        shared->reaper.next_look = next;
    }

    /// Not shorter: a look before the deadline finds nothing. True when woken.
    bool sleep_until(core::Timestamp next) {
        const core::Timestamp left = std::max<core::Timestamp>(next - pg::monotonic_now(), 0);
        const core::Timestamp milliseconds =
            (left + core::microseconds_per_millisecond - 1) / core::microseconds_per_millisecond;
        const long wait = next == core::LimitMonitor::never
                              ? -1L
                              : static_cast<long>(std::min<core::Timestamp>(milliseconds, INT_MAX));
        return pg::call([wait, this] {
            const bool is_woken = compat::wait_latch(wait, wait_event_);
            CHECK_FOR_INTERRUPTS();
            compat::process_catchup();
            return is_woken;
        });
    }

    core::LimitMonitor monitor_;
    Endings endings_;
    LimitEnforcer enforcer_{endings_};
    LockWaitEnforcer lock_wait_enforcer_{endings_};
    RulesStarter rules_;
    const uint32 wait_event_ = pg::call([] { return compat::own_wait_event("PgSessionctlReaper"); });
};

/// A process without a database finds the indexes of the shared catalogs in a file that the first session
/// writes after the server's start. Before that there is no session to monitor.
void wait_for_first_session() {
    constexpr long pause = 100; // ms
    while (!is_terminated && access("global/pg_internal.init", F_OK) != 0)
        compat::wait_latch(pause);
}

extern "C" void sessionctl_reaper_exit(int, Datum) {
    if (pg::SharedMemory* const shared = pg::shared_memory()) {
        shared->reaper.latch = nullptr;
        shared->rules.wake(); // its worker does not run without the reaper
    }
    pg::LastingRequests(pg::LastingRequester::reaper).withdraw_all();
}

void announce() {
    pg::call([] {
        if (pg::shared_memory() != nullptr) {
            before_shmem_exit(sessionctl_reaper_exit, 0);
            pg::shared_memory()->reaper.latch = &MyProc->procLatch;
        }
        ereport(LOG, (errmsg("pg_sessionctl: reaper started")));
    });
}

/// A process without a database hears of changed memberships only if it asks for them: core caches those of
/// the role that was asked about last.
void watch_memberships() {
    pg::CatalogScope catalogs;
    pg::call([] { initialize_acl(); });
    catalogs.leave();
}

/// The exit code: 0 takes the worker off the postmaster's list, 1 brings it back a second later.
int run_reaper() {
    if (!pg::acquire_reaper_lock()) {
        pg::call([] { ereport(LOG, (errmsg("pg_sessionctl: another reaper is already running"))); });
        return 0;
    }
    watch_memberships();
    announce();
    const pg::MemoryScope lasting(TopMemoryContext);
    Reaper reaper;
    reaper.run();
    return pg::is_stop_wanted() ? 0 : 1;
}

} // namespace

void register_reaper() {
    BackgroundWorker worker = compat::describe_worker(pg::reaper_name, pg::reaper_function);
    RegisterBackgroundWorker(&worker);
}

} // namespace sessionctl::worker

void sessionctl_reaper_main(Datum) {
    using namespace sessionctl;
    pqsignal(SIGTERM, worker::sessionctl_reaper_terminate);
    pqsignal(SIGHUP, worker::sessionctl_reaper_reload);
    pqsignal(SIGINT, worker::sessionctl_reaper_ignore);
    BackgroundWorkerUnblockSignals();
    if (pg::has_missed_reload())
        worker::has_new_settings = 1;
    worker::wait_for_first_session();
    compat::connect_worker(pg::reaper_name);
    proc_exit(pg::entry([] { return worker::run_reaper(); }));
}
