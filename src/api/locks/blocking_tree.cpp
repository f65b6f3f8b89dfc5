// blocking_tree(): who blocks whom, as an indented text.

#include "core/locks/blocking_tree.hpp"
#include "api/locks/session_text.hpp"
#include "api/rows.hpp"
#include "api/serve.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/locks/prepared_transactions.hpp"
#include "pg/locks/seen_wait.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/roster.hpp"

using namespace sessionctl;
using core::Branch;

namespace {

constexpr std::size_t most_named = 3;               // of the other sessions that a session waits for
constexpr core::Timestamp shortest_shown = 1000000; // microseconds

class Lines {
  public:
    Lines(const pg::LockWaits& waits, const core::vector<pg::NonLockWait>& non_lock_waits,
          const pg::Roster& roster, const core::vector<pg::Prepared>& prepared)
        : waits_(waits), non_lock_waits_(non_lock_waits), graph_(waits.graph()), roster_(roster),
          prepared_(prepared), locks_(waits.lock_texts()) {}

    core::string line_of(const Branch& branch) const {
        core::string line(2 * branch.depth, ' ');
        const core::Party& party = graph_.party(branch.party);
        if (branch.cycle_size > 0)
            api::append_number(line, "a cycle: %ld sessions wait for each other", branch.cycle_size);
        else if (party.is_prepared())
            append_prepared(line, branch, pg::find_prepared(prepared_, party.xid));
        else
            append_session(line, branch, roster_.find(party.pid));
        return line;
    }

  private:
    void append_prepared(core::string& line, const Branch& branch, const pg::Prepared* prepared) const {
        line.append(pg::name_of(prepared_, graph_.party(branch.party).xid));
        if (prepared != nullptr) { // not ended since the lock table was read
            api::append_user(line, prepared->owner, prepared->database);
            line.append(", prepared ");
            api::append_age(line, roster_.taken_at - prepared->prepared_at);
            line.append(" ago");
        }
        append_followers(line, branch.party);
        if (prepared != nullptr && prepared->database != nullptr)
            append_rollback(line, *prepared);
    }

    /// Complete, so that it can be copied, or left out.
    static void append_rollback(core::string& line, const pg::Prepared& prepared) {
        line.append("; in ").append(api::clean_line(prepared.database)).append(": ");
        line.append(prepared.rollback != nullptr ? prepared.rollback
                                                 : "rollback_command of sessionctl.prepared_transactions");
    }

    void append_session(core::string& line, const Branch& branch, const pg::RosterEntry* entry) const {
        api::append_number(line, "pid %ld", graph_.party(branch.party).pid);
        if (entry != nullptr)
            append_who_and_priority(line, *entry);
        if (const pg::NonLockWait* const wait = non_lock_wait_of(branch.party))
            append_non_lock_wait(line, *wait);
        else if (const core::ProcLock* const wait = wait_of(branch.party))
            append_wait_and_patience(line, *wait, entry);
        else if (entry != nullptr)
            api::append_state(line, *entry, roster_.taken_at);
        append_followers(line, branch.party);
        if (branch.blocked_by_request > 0)
            api::append_number(line, ", %ld of them only for its request", branch.blocked_by_request);
        append_others(line, branch);
        if (entry != nullptr)
            api::append_query(line, *entry);
    }

    static void append_who_and_priority(core::string& line, const pg::RosterEntry& entry) {
        api::append_who(line, entry);
        api::append_priority(line, entry);
    }

    const pg::NonLockWait* non_lock_wait_of(int party) const {
        const int pid = graph_.party(party).pid;
        const auto found = std::find_if(non_lock_waits_.begin(), non_lock_waits_.end(),
                                        [pid](const pg::NonLockWait& wait) { return wait.pid == pid; });
        return found != non_lock_waits_.end() ? &*found : nullptr;
    }

    void append_non_lock_wait(core::string& line, const pg::NonLockWait& wait) const {
        line.append(", waits in ").append(wait.entry->proc.wait_event).append(" ");
        line.append(core::wanted_by(wait.kind));
        if (!core::knows_blockers(wait.kind) && !wait.others.empty()) {
            append_list(line, " (maybe ", wait.others,
                        [&](int pid) { api::append_number(line, "pid %ld", pid); });
            line.append(")");
        }
        append_statement_age(line, *wait.entry);
    }

    void append_statement_age(core::string& line, const pg::RosterEntry& entry) const {
        line.append(" in a statement that runs for ");
        api::append_age(line, roster_.taken_at - entry.facts.query_start);
    }

    const core::ProcLock* wait_of(int party) const {
        const core::ProcLock* wait = nullptr;
        graph_.each_proclock(party, [&wait](const core::ProcLock& proclock) {
            if (proclock.wanted != 0 && wait == nullptr)
                wait = &proclock;
        });
        return wait;
    }

    /// Before 14 the server does not show when the wait began, only when the statement began.
    void append_wait(core::string& line, const core::ProcLock& wait, const pg::RosterEntry* entry) const {
        line.append(", waits ");
        if (wait.since != 0) {
            api::append_age(line, roster_.taken_at - wait.since);
            line.append(" ");
        }
        const LOCKTAG& lock = waits_.lock_of(wait);
        line.append("for ").append(compat::lock_mode_name(lock, wait.wanted)).append(" on ");
        line.append(api::clean_line(locks_[wait.lock]));
        if (wait.since == 0 && entry != nullptr && entry->role_facts.is_visible &&
            core::is_active(entry->facts.state))
            append_statement_age(line, *entry);
    }

    void append_wait_and_patience(core::string& line, const core::ProcLock& wait,
                                  const pg::RosterEntry* entry) const {
        append_wait(line, wait, entry);
        if (entry == nullptr)
            return;
        const LOCKTAG& lock = waits_.lock_of(wait);
        if (pg::is_acted_on(lock))
            api::append_patience(line, *entry, pg::waiting_since(entry->facts, lock, wait), roster_.taken_at);
        if (pg::is_yielded(lock))
            api::append_yield(line, *entry);
    }

    void append_followers(core::string& line, int party) const {
        const int followers = graph_.waiting_behind(party);
        if (followers > 0)
            api::append_number(line, followers == 1 ? ", %ld waits behind it" : ", %ld wait behind it",
                               followers);
    }

    template <typename Append>
    static void append_list(core::string& line, const char* before, const core::vector<int>& all,
                            Append&& append) {
        for (std::size_t i = 0; i < all.size() && i < most_named; ++i) {
            line.append(i == 0 ? before : ", ");
            append(all[i]);
        }
        if (all.size() > most_named)
            api::append_number(line, " and %ld more", static_cast<long>(all.size() - most_named));
    }

    /// The other sessions that it waits for.
    void append_others(core::string& line, const Branch& branch) const {
        append_list(line, ", also waits for ", branch.holders,
                    [&](int party) { append_name(line, graph_.party(party)); });
        if (branch.queued > 0)
            api::append_number(line, ", %ld before it in the queue", branch.queued);
    }

    void append_name(core::string& line, const core::Party& party) const {
        if (party.is_prepared())
            line.append(pg::name_of(prepared_, party.xid));
        else
            api::append_number(line, "pid %ld", party.pid);
    }

    const pg::LockWaits& waits_;
    const core::vector<pg::NonLockWait>& non_lock_waits_;
    const core::WaitGraph& graph_;
    const pg::Roster& roster_;
    const core::vector<pg::Prepared>& prepared_;
    const core::vector<const char*> locks_;
};

/// A session that waits for none that is known is shown only after some time: with a synchronous standby
/// every commit waits briefly.
core::vector<pg::NonLockWait> lasting_waits(const pg::Roster& roster) {
    core::vector<pg::NonLockWait> waits = pg::non_lock_waits(roster);
    const auto is_short = [&roster](const pg::NonLockWait& wait) {
        return !(core::knows_blockers(wait.kind) && !wait.others.empty()) &&
               roster.taken_at - wait.entry->facts.query_start < shortest_shown;
    };
    waits.erase(std::remove_if(waits.begin(), waits.end(), is_short), waits.end());
    return waits;
}

} // namespace

SQL_FUNCTION(sessionctl_blocking_tree)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        const pg::Roster roster = pg::Roster::take();
        const core::vector<pg::NonLockWait> non_lock_waits = lasting_waits(roster);
        const pg::LockWaits& waits = *pg::LockWaits::take_with(non_lock_waits);
        const core::vector<Branch> branches = core::blocking_tree(waits.graph());
        const core::vector<pg::Prepared> prepared = pg::prepared_in(waits.graph());
        const Lines lines(waits, non_lock_waits, roster, prepared);
        // Its memory is kept beyond the scratch memory.
        api::Rows rows = pg::call([&] { return api::Rows(fcinfo); });
        for (const Branch& branch : branches) {
            const core::string line = lines.line_of(branch);
            pg::call([&] {
                CHECK_FOR_INTERRUPTS();
                api::Row<1> row;
                row.add_text(line.c_str());
                row.put_into(rows);
            });
        }
        return 0;
    });
}
