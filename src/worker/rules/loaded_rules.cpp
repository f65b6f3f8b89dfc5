#include "worker/rules/loaded_rules.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "worker/rules/rule_records.hpp"

#include <algorithm>
#include <utility>

extern "C" {
#include "access/xlog.h"
}

namespace sessionctl::worker {

namespace {

/// A standby is not told when replay changes the rules.
constexpr core::Timestamp standby_interval = 60 * core::microseconds_per_second;
/// How often a locked table is tried again, and how long nothing is said of the lock: DROP EXTENSION has it
/// for a moment after its commit.
constexpr core::Timestamp locked_interval = 100 * core::microseconds_per_millisecond;
constexpr core::Timestamp short_lock = 10 * core::microseconds_per_second;

bool is_trusted(Oid table) {
    if (!OidIsValid(table) || pg::is_owned_by_superuser(table))
        return OidIsValid(table);
    pg::call([] {
        ereport(LOG, (errmsg("pg_sessionctl: the session rules are not carried out: the owner of their table "
                             "is no superuser")));
    });
    return false;
}

/// A standby without rules has such a process for a moment each minute.
void tell_of_start() {
    pg::call([] {
        ereport(LOG, (errmsg("pg_sessionctl: worker for session rules started"),
                      errdetail("What sessions matched before is not known: matching_for begins anew.")));
    });
}

} // namespace

bool LoadedRules::must_read() const noexcept {
    return changes_ != shared_rules().changes || pg::monotonic_now() >= next_read_;
}

bool LoadedRules::read() {
    pg::SharedRules& shared = shared_rules();
    const std::int64_t changes = shared.changes;
    if (!read_table()) {
        put_off_reading();
        return true;
    }
    unread_since_ = 0;
    next_read_ = RecoveryInProgress() ? pg::monotonic_now() + standby_interval : INT64_MAX;
    changes_ = changes;
    const bool has_any =
        std::any_of(rules_.begin(), rules_.end(),
                    [](const std::unique_ptr<LoadedRule>& each) { return each->row.is_enabled; });
    if (!has_any)
        shared.nothing_to_do_at = changes;
    else if (!std::exchange(is_start_told_, true))
        tell_of_start();
    return has_any;
}

bool LoadedRules::read_table() {
    const pg::ScratchMemory scratch;
    SetCurrentStatementStartTimestamp();
    pg::CatalogScope catalogs;
    const Oid table = pg::rule_table();
    const bool is_free = !OidIsValid(table) || pg::lock_rule_table(table);
    if (is_free) {
        core::vector<pg::RuleRow> rows;
        if (is_trusted(table)) {
            pg::require_matching_script();
            rows = pg::read_rules();
        }
        table_ = table;
        replace(rows);
    }
    catalogs.leave();
    return is_free;
}

void LoadedRules::put_off_reading() {
    const core::Timestamp now = pg::monotonic_now();
    if (unread_since_ == 0) {
        unread_since_ = now;
        is_lock_told_ = false;
    }
    next_read_ = now + locked_interval;
    if (now - unread_since_ > short_lock && !std::exchange(is_lock_told_, true))
        pg::call([] {
            ereport(LOG, (errmsg("pg_sessionctl: the session rules are not read: their table is locked")));
        });
}

void LoadedRules::replace(const core::vector<pg::RuleRow>& rows) {
    const pg::MemoryScope lasting(TopMemoryContext);
    change_records([&rows] { // before others need their places
        for (pg::RuleRecord& record : shared_rules().records)
            record.is_present &= std::any_of(rows.begin(), rows.end(), [&record](const pg::RuleRow& row) {
                return std::strcmp(row.name, record.name) == 0;
            });
    });
    Rules rules;
    for (const pg::RuleRow& row : rows) {
        const auto is_it = [&row](const std::unique_ptr<LoadedRule>& each) {
            return each != nullptr && each->record != nullptr &&
                   std::strcmp(each->row.version, row.version) == 0;
        };
        const auto same = std::find_if(rules_.begin(), rules_.end(), is_it);
        rules.push_back(same != rules_.end() ? std::move(*same) : load_rule(row));
    }
    rules_ = std::move(rules);
    shared_rules().has_been_read = true;
}

} // namespace sessionctl::worker
