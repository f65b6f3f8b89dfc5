// For the view session_blocking: a row for each waiter, blocker and lock.

#include "api/rows.hpp"
#include "api/serve.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/locks/prepared_transactions.hpp"
#include "pg/locks/seen_wait.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/roster.hpp"

#include <tuple>

using namespace sessionctl;

namespace {

/// The strongest of these modes; 0 for none.
int strongest(core::LockModes modes) noexcept {
    int mode = 0;
    while ((modes >>= 1) != 0)
        ++mode;
    return mode;
}

struct Wait {
    int blocker;
    const core::ProcLock* proclock;
    int held; // the strongest conflicting mode; 0: the blocker only waits before it in the queue
};

/// Several processes of a parallel query may wait for the same.
core::vector<Wait> waits_of(const core::WaitGraph& graph, int party) {
    core::vector<Wait> waits;
    for (core::WaitGraph::Pairs pairs(graph, party); pairs.next();)
        if (core::is_block(pairs.waiter(), pairs.other()))
            waits.push_back({graph.owner(pairs.other()), &pairs.waiter(),
                             strongest(pairs.waiter().conflicts & pairs.other().held)});
    const auto key = [](const Wait& wait) { return std::make_tuple(wait.blocker, wait.proclock->lock); };
    std::sort(waits.begin(), waits.end(), [key](const Wait& a, const Wait& b) {
        return std::make_tuple(key(a), -a.held, a.proclock) < std::make_tuple(key(b), -b.held, b.proclock);
    });
    waits.erase(std::unique(waits.begin(), waits.end(),
                            [key](const Wait& a, const Wait& b) { return key(a) == key(b); }),
                waits.end());
    return waits;
}

class Listing {
  public:
    Listing(const pg::LockWaits& waits, const pg::Roster& roster, const core::vector<pg::Prepared>& prepared)
        : waits_(waits), roster_(roster), prepared_(prepared), locks_(waits.lock_texts()) {}

    /// Raises PostgreSQL errors: use inside pg::call.
    void put(int waiter, const Wait& wait, api::Rows& rows) const {
        const core::ProcLock& proclock = *wait.proclock;
        const LOCKTAG& lock = waits_.lock_of(proclock);
        Row row;
        add_party(row, waits_.graph().party(waiter));
        add_party(row, waits_.graph().party(wait.blocker));
        add_gid(row, waits_.graph().party(wait.blocker));
        row.add_text(compat::lock_type_name(lock));
        row.add_text(locks_[proclock.lock]);
        row.add_text(compat::lock_mode_name(lock, proclock.wanted));
        row.add_text(wait.held != 0 ? compat::lock_mode_name(lock, wait.held) : nullptr);
        row.add_if(proclock.since != 0, [&proclock] { return TimestampTzGetDatum(proclock.since); });
        add_priorities(row, waits_.graph().party(waiter), waits_.graph().party(wait.blocker), proclock);
        row.put_into(rows);
    }

  private:
    using Row = api::Row<13>;

    const pg::RosterEntry* visible(const core::Party& party) const noexcept {
        const pg::RosterEntry* const entry = roster_.find(party.pid);
        return entry != nullptr && entry->role_facts.is_visible ? entry : nullptr;
    }

    void add_party(Row& row, const core::Party& party) const {
        const pg::RosterEntry* const entry = visible(party);
        row.add_if(!party.is_prepared(), [&party] { return Int32GetDatum(party.pid); });
        row.add_text(entry != nullptr ? core::SessionId(entry->facts.id).text : nullptr);
    }

    static std::optional<core::LockPriority> priority_of(const pg::RosterEntry* entry) noexcept {
        return entry != nullptr ? pg::lock_priority_of(entry->facts) : std::nullopt;
    }

    static void add_priority(Row& row, std::optional<core::LockPriority> priority) {
        row.add_text(priority ? core::lock_priority_name(*priority) : nullptr);
    }

    void add_priorities(Row& row, const core::Party& waiter, const core::Party& blocker,
                        const core::ProcLock& wait) const {
        const pg::RosterEntry* const waiting = visible(waiter);
        const pg::RosterEntry* const blocking = visible(blocker);
        const std::optional<core::LockPriority> priority = priority_of(blocking);
        add_priority(row, priority_of(waiting));
        add_priority(row, priority);
        const core::LockSettings settings =
            waiting != nullptr ? pg::lock_settings_of(waiting->facts) : core::LockSettings();
        const LOCKTAG& lock = waits_.lock_of(wait);
        const core::Timestamp since =
            waiting != nullptr ? pg::waiting_since(waiting->facts, lock, wait) : core::Timestamp{0};
        const bool is_due = settings.patience > 0 && priority && *priority < settings.priority &&
                            since != 0 && pg::is_acted_on(lock);
        row.add_if(is_due, [&] {
            return TimestampTzGetDatum(std::max(since, blocking->facts.xact_start) +
                                       settings.patience * core::microseconds_per_millisecond);
        });
    }

    void add_gid(Row& row, const core::Party& party) const {
        const pg::Prepared* const prepared =
            party.is_prepared() ? pg::find_prepared(prepared_, party.xid) : nullptr;
        row.add_text(prepared != nullptr ? prepared->gid : nullptr);
    }

    const pg::LockWaits& waits_;
    const pg::Roster& roster_;
    const core::vector<pg::Prepared>& prepared_;
    const core::vector<const char*> locks_;
};

} // namespace

SQL_FUNCTION(sessionctl_session_blocking)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        const pg::Roster roster = pg::Roster::take();
        const pg::LockWaits& waits = *pg::LockWaits::take();
        const core::vector<pg::Prepared> prepared = pg::prepared_in(waits.graph());
        const Listing listing(waits, roster, prepared);
        // Its memory is kept beyond the scratch memory.
        api::Rows rows = pg::call([&] { return api::Rows(fcinfo); });
        for (int party = 0; party < waits.graph().count(); ++party) {
            const core::vector<Wait> all = waits_of(waits.graph(), party);
            pg::call([&] {
                CHECK_FOR_INTERRUPTS();
                for (const Wait& wait : all)
                    listing.put(party, wait, rows);
            });
        }
        return 0;
    });
}
