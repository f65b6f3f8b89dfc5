// The worker that carries out the session rules: connected to their database, it checks each rule when it is
// due, and acts. The reaper starts it.

#include "core/error.hpp"
#include "core/rules/check_times.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/rules/rule_condition.hpp"
#include "pg/rules/rule_table.hpp"
#include "pg/rules/rules_process.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "pg/subtransaction.hpp"
#include "worker/rules_enforcer.hpp"

extern "C" {
#include "access/xlog.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timeout.h"
PGDLLEXPORT void sessionctl_rules_main(Datum);
}

#include <csignal>
#include <memory>

namespace sessionctl::worker {

namespace {

/// A standby is not told when replay changes the rules.
constexpr core::Timestamp standby_interval = 60 * core::microseconds_per_second;

volatile std::sig_atomic_t has_new_configuration = 0;
TimeoutId watchdog;

pg::SharedRules& shared_rules() noexcept {
    return pg::shared_memory()->rules;
}

extern "C" void sessionctl_rules_reload(SIGNAL_ARGS) {
    const int saved = errno;
    has_new_configuration = 1;
    if (MyProc != nullptr)
        SetLatch(&MyProc->procLatch);
    errno = saved;
}

/// A check has reached its timeout. The reaper looks from now on whether it ends.
extern "C" void sessionctl_rules_watchdog() noexcept {
    if (Latch* const reaper = pg::shared_memory()->reaper.latch)
        SetLatch(reaper);
}

/// The records of rules. That of a rule that is gone is kept until another rule needs the place.
class Records {
  public:
    /// Null: all are in use.
    static pg::RuleRecord* find_or_take(const pg::RuleRow& row) {
        pg::SharedRules& rules = shared_rules();
        if (pg::RuleRecord* const found = find(row.name)) {
            if (!found->is_present) // made anew: only its brakes go on
                found->reset_counters();
            return found;
        }
        for (const bool may_forget : {false, true})
            for (pg::RuleRecord& record : rules.records)
                if (record.name[0] == '\0' || (may_forget && !record.is_present))
                    return take(record, row);
        return nullptr;
    }

  private:
    static pg::RuleRecord* find(const char* name) noexcept {
        for (pg::RuleRecord& record : shared_rules().records)
            if (std::strcmp(record.name, name) == 0)
                return &record;
        return nullptr;
    }

    /// What a rule that was there before the server's last start did by then is not known.
    static pg::RuleRecord* take(pg::RuleRecord& record, const pg::RuleRow& row) noexcept {
        pg::SharedRules& rules = shared_rules();
        strlcpy(record.name, row.name, sizeof record.name);
        record.version[0] = '\0';
        record.last_error[0] = '\0';
        record.is_switched_off = false;
        record.reset_counters();
        record.action_times.begin(rules.has_been_read ? INT64_MIN : rules.known_since);
        return &record;
    }
};

/// Changes what others may read only whole.
template <typename Change>
void change_records(Change&& change) {
    LWLock* const lock = pg::shared_memory()->rules_lock;
    pg::call([&] {
        LWLockAcquire(lock, LW_EXCLUSIVE);
        change();
        LWLockRelease(lock);
    });
}

/// A rule of the table, in memory of its own.
struct Rule {
    explicit Rule(const pg::RuleRow& read)
        : memory(pg::call([] { return compat::create_context(TopMemoryContext, "session rule"); })),
          row(pg::copy_of(read, memory)) {}
    ~Rule() {
        condition.reset();
        MemoryContextDelete(memory);
    }
    Rule(const Rule&) = delete;
    Rule& operator=(const Rule&) = delete;

    const MemoryContext memory;
    const pg::RuleRow row;
    core::SessionRule rule;
    core::string problem; // with the row itself; empty: none
    std::optional<pg::RuleCondition> condition;
    core::MatchStreaks streaks;
    core::CheckTimes times;
    pg::RuleRecord* record = nullptr;
};

class RulesWorker {
  public:
    void run() {
        while (!must_leave()) {
            if (has_new_configuration)
                reload();
            if (must_read() && !read())
                return;
            sleep_until(std::min(tick(), next_read_));
        }
    }
    void finish() noexcept { enforcer_.finish(); }

  private:
    bool must_leave() const noexcept {
        const pg::SharedRules& rules = shared_rules();
        return rules.kept_away > 0 || pg::rules_setting() == pg::RulesMode::off || has_other_database_ ||
               pg::shared_memory()->reaper.latch == nullptr;
    }

    void reload() {
        has_new_configuration = 0;
        const core::string before = pg::rules_database_setting();
        pg::call([] { ProcessConfigFile(PGC_SIGHUP); });
        has_other_database_ = before != pg::rules_database_setting();
    }

    bool must_read() const noexcept {
        return changes_ != shared_rules().changes || pg::monotonic_now() >= next_read_;
    }

    /// False if there is no rule to be checked.
    bool read() {
        pg::SharedRules& rules = shared_rules();
        const std::int64_t changes = rules.changes;
        next_read_ = RecoveryInProgress() ? pg::monotonic_now() + standby_interval : INT64_MAX;
        {
            const pg::ScratchMemory scratch;
            SetCurrentStatementStartTimestamp();
            pg::CatalogScope catalogs;
            table_ = pg::lock_rule_table();
            core::vector<pg::RuleRow> rows;
            if (OidIsValid(table_)) {
                pg::require_matching_script();
                rows = pg::read_rules();
            }
            replace_rules(rows);
            catalogs.leave();
        }
        changes_ = changes;
        const bool has_any = std::any_of(rules_.begin(), rules_.end(), [](const std::unique_ptr<Rule>& each) {
            return each->row.is_enabled;
        });
        if (!has_any)
            rules.nothing_to_do_at = changes;
        return has_any;
    }

    /// Rules whose rows are still the same keep all that is known of their sessions.
    void replace_rules(const core::vector<pg::RuleRow>& rows) {
        const pg::MemoryScope lasting(TopMemoryContext);
        core::vector<std::unique_ptr<Rule>> rules;
        for (const pg::RuleRow& row : rows) {
            const auto is_it = [&row](const std::unique_ptr<Rule>& each) {
                return each != nullptr && std::strcmp(each->row.version, row.version) == 0;
            };
            const auto same = std::find_if(rules_.begin(), rules_.end(), is_it);
            rules.push_back(same != rules_.end() ? std::move(*same) : made_of(row));
        }
        rules_ = std::move(rules);
        change_records([this] {
            for (pg::RuleRecord& record : shared_rules().records)
                record.is_present = false;
            for (const std::unique_ptr<Rule>& each : rules_)
                if (each->record != nullptr)
                    each->record->is_present = true;
        });
        shared_rules().has_been_read = true;
    }

    std::unique_ptr<Rule> made_of(const pg::RuleRow& row) {
        auto made = std::make_unique<Rule>(row);
        change_records([&made] {
            made->record = Records::find_or_take(made->row);
            if (made->record == nullptr)
                return;
            made->record->owner = made->row.owner_oid;
            if (std::strcmp(made->record->version, made->row.version) == 0)
                return; // this process is new, not the rule
            strlcpy(made->record->version, made->row.version, sizeof made->record->version);
            made->record->is_switched_off = false;
            made->record->last_error[0] = '\0';
        });
        try {
            made->rule = pg::rule_of(made->row);
            if (made->record != nullptr)
                made->record->action = made->rule.action;
            pg::in_subtransaction([&made] {
                const pg::MemoryScope own(made->memory);
                made->condition.emplace(pg::text_of(made->row));
            });
        } catch (const pg::PgError& error) {
            made->problem = error.what();
        } catch (const core::Error& error) {
            made->problem = error.what();
        }
        return made;
    }

    // --- checks

    /// Checks the rules that are due, and acts; returns when to do so again.
    core::Timestamp tick() {
        if (is_any_due())
            check_due();
        core::Timestamp next = move_actions_on();
        for (const std::unique_ptr<Rule>& each : rules_)
            if (each->row.is_enabled && each->record != nullptr && !each->record->is_switched_off)
                next = std::min(next, each->times.next());
        return next;
    }

    bool is_any_due() const noexcept {
        const core::Timestamp now = pg::monotonic_now();
        return std::any_of(rules_.begin(), rules_.end(),
                           [=](const std::unique_ptr<Rule>& each) { return is_due(*each, now); });
    }

    static bool is_due(const Rule& rule, core::Timestamp now) noexcept {
        return rule.row.is_enabled && rule.record != nullptr && !rule.record->is_switched_off &&
               rule.times.is_due(now);
    }

    void check_due() {
        const pg::ScratchMemory scratch;
        SetCurrentStatementStartTimestamp(); // now() in conditions
        pg::CatalogScope catalogs;
        if (pg::lock_rule_table() != table_) { // the extension is dropped, or made anew
            ++shared_rules().changes;
        } else {
            pg::RuleTick tick(ages_);
            const core::Timestamp now = pg::monotonic_now();
            core::vector<core::Claim> claims;
            for (std::size_t i = 0; i < rules_.size(); ++i)
                if (is_due(*rules_[i], now))
                    check(static_cast<std::int32_t>(i), tick, claims);
            if (tick.is_steady())
                act(core::settle_claims(std::move(claims)), tick);
        }
        catalogs.leave();
    }

    void check(std::int32_t number, pg::RuleTick& tick, core::vector<core::Claim>& claims) {
        Rule& rule = *rules_[number];
        const core::Timestamp began = pg::monotonic_now();
        core::string problem = rule.problem.empty() ? pg::owner_problem(rule.row) : rule.problem;
        core::vector<pg::Match> matches;
        if (problem.empty()) {
            try {
                matches = evaluate(rule, tick);
            } catch (const pg::PgError& error) {
                problem = error.what();
            } catch (const core::Error& error) {
                problem = error.what();
            }
        }
        const core::Timestamp now = pg::monotonic_now();
        ++rule.record->checks;
        rule.record->last_check = GetCurrentTimestamp();
        rule.record->check_time += now - began;
        if (problem.empty())
            claim(number, matches, tick, now, claims);
        else
            fail(rule, problem, now);
    }

    /// Under the eyes of the reaper.
    core::vector<pg::Match> evaluate(Rule& rule, pg::RuleTick& tick) {
        pg::SharedRules& shared = shared_rules();
        const int timeout = pg::rule_timeout_setting();
        shared.checking = static_cast<std::int32_t>(rule.record - shared.records);
        shared.checking_until = pg::monotonic_now() + 2 * timeout * core::microseconds_per_millisecond;
        enable_timeout_after(watchdog, timeout);
        struct Ended {
            ~Ended() {
                disable_timeout(watchdog, false);
                shared_rules().checking_until = 0;
                shared_rules().checking = pg::SharedRules::none;
            }
        } ended;
        return rule.condition->evaluate(tick, timeout);
    }

    void claim(std::int32_t number, const core::vector<pg::Match>& matches, pg::RuleTick& tick,
               core::Timestamp now, core::vector<core::Claim>& claims) {
        Rule& rule = *rules_[number];
        const pg::Roster& roster = tick.roster_for(rule.row.owner_oid);
        core::Plan plan;
        for (const pg::Match& match : matches) {
            core::Target target = {};
            target.session = roster.at(match.pid).facts;
            target.group = match.group;
            plan.push_back(target);
        }
        set_refuse_above(rule);
        core::RuleCheck check;
        {
            const pg::MemoryScope lasting(TopMemoryContext);
            check = core::check_rule(rule.rule, number, plan, rule.streaks, rule.record->action_times,
                                     enforcer_, now);
        }
        rule.times.checked(now, rule.rule.check_every);
        rule.record->matched = check.matched;
        rule.record->held_back += check.held_back;
        if (rule.record->last_error[0] != '\0')
            change_records([&rule] { rule.record->last_error[0] = '\0'; });
        claims.insert(claims.end(), check.claims.begin(), check.claims.end());
    }

    /// The setting holds for a rule without a bound of its own, too.
    static void set_refuse_above(Rule& rule) noexcept {
        const int setting = pg::refuse_above_setting();
        if (!rule.row.refuse_above)
            rule.rule.guards.refuse_above = setting > 0 ? std::optional<std::int64_t>(setting) : std::nullopt;
    }

    static void fail(Rule& rule, const core::string& problem, core::Timestamp now) {
        rule.streaks.restart();
        ++rule.record->errors;
        change_records([&] { rule.record->set_error(problem.c_str()); });
        if (rule.times.failed(now))
            pg::call([&] {
                ereport(LOG, (errmsg("pg_sessionctl: rule \"%s\" could not be checked: %s",
                                     pg::ShownName(rule.row.name).text(), problem.c_str())));
            });
    }

    // --- actions

    core::Timestamp move_actions_on() {
        if (!enforcer_.is_busy())
            return INT64_MAX;
        const pg::ScratchMemory scratch;
        pg::CatalogScope catalogs; // for a message in the session's encoding
        const core::Timestamp next = enforcer_.move_on(forget, this);
        catalogs.leave();
        return next;
    }

    void act(const core::vector<core::Claim>& claims, pg::RuleTick& tick) {
        for (const core::Claim& claim : claims) {
            Rule& rule = *rules_[claim.rule];
            change_records([&rule] { rule.record->action_times.add(pg::monotonic_now()); });
            const bool has_acted = enforcer_.act({rule.row, rule.rule, *rule.record, rule.streaks},
                                                 claim.session, tick.roster_for(rule.row.owner_oid));
            if (!has_acted) {
                change_records([&rule] { rule.record->action_times.take_back(); });
                continue;
            }
            if (core::MatchStreaks::Known* const known = rule.streaks.find(claim.session))
                known->was_acted_on = true;
            ++rule.record->acted;
            rule.record->last_acted = GetCurrentTimestamp();
        }
    }

    /// The action is over, and the session still there: it may match anew.
    static void forget(void* self, const char* name, const core::Session& session) {
        for (const std::unique_ptr<Rule>& each : static_cast<RulesWorker*>(self)->rules_)
            if (std::strcmp(each->row.name, name) == 0)
                each->streaks.forget(session);
    }

    void sleep_until(core::Timestamp next) {
        const core::Timestamp left = std::max<core::Timestamp>(next - pg::monotonic_now(), 0);
        const long wait =
            next == INT64_MAX
                ? -1L
                : static_cast<long>(std::min<core::Timestamp>(
                      (left + core::microseconds_per_millisecond - 1) / core::microseconds_per_millisecond,
                      INT_MAX));
        pg::call([wait, this] {
            compat::clear_pending_cancel(); // of no rule
            compat::wait_latch(wait, wait_event_);
            compat::clear_pending_cancel();
            CHECK_FOR_INTERRUPTS();
            compat::process_catchup();
        });
    }

    core::vector<std::unique_ptr<Rule>> rules_;
    RulesEnforcer enforcer_;
    core::SessionAges ages_{pg::call([] { return compat::status_array().count; })};
    std::int64_t changes_ = -1; // SharedRules::changes when the rules were read
    Oid table_ = InvalidOid;
    core::Timestamp next_read_ = INT64_MAX;
    bool has_other_database_ = false;
    const uint32 wait_event_ = pg::call([] { return compat::own_wait_event("PgSessionctlRules"); });
};

core::Timestamp started_at = 0;
RulesWorker* present = nullptr;

extern "C" void sessionctl_rules_exit(int, Datum) {
    pg::SharedRules& rules = shared_rules();
    if (present != nullptr) // it is terminated: the log must have what was done
        present->finish();
    pg::LastingRequests(pg::LastingRequester::rules).withdraw_all();
    rules.lasted = pg::monotonic_now() - started_at;
    rules.checking_until = 0;
    rules.checking = pg::SharedRules::none;
    rules.latch = nullptr;
    rules.pid = 0;
    rules.wake(); // the reaper
}

/// False if another worker runs.
bool claim() {
    std::int32_t nobody = 0;
    if (pg::shared_memory() == nullptr || !shared_rules().pid.compare_exchange_strong(nobody, MyProcPid))
        return false;
    started_at = pg::monotonic_now();
    pg::call([] { before_shmem_exit(sessionctl_rules_exit, 0); });
    shared_rules().latch = &MyProc->procLatch;
    return true;
}

int run_rules() {
    watchdog = pg::call([] { return RegisterTimeout(USER_TIMEOUT, sessionctl_rules_watchdog); });
    pg::call([] {
        ereport(LOG, (errmsg("pg_sessionctl: worker for session rules started"),
                      errdetail("What sessions matched before is not known: matching_for begins anew.")));
    });
    change_records([] { shared_rules().belong_to(MyDatabaseId, pg::own_encoding()); });
    const pg::MemoryScope lasting(TopMemoryContext);
    RulesWorker worker;
    present = &worker;
    worker.run();
    worker.finish();
    present = nullptr;
    return 0;
}

} // namespace

} // namespace sessionctl::worker

void sessionctl_rules_main(Datum) {
    using namespace sessionctl;
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, worker::sessionctl_rules_reload);
    pqsignal(SIGINT, StatementCancelHandler);
    BackgroundWorkerUnblockSignals();
    if (!pg::entry([] { return worker::claim(); }))
        proc_exit(0);
    compat::connect_worker_to(pg::rules_database_setting(), pg::rules_name);
    proc_exit(pg::entry([] { return worker::run_rules(); }));
}
