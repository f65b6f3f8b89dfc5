#include "worker/rules/rule_records.hpp"

namespace sessionctl::worker {

namespace {

pg::RuleRecord* find(const char* name) noexcept {
    for (pg::RuleRecord& record : shared_rules().records)
        if (std::strcmp(record.name, name) == 0)
            return &record;
    return nullptr;
}

/// What a rule that was there before the server's last start did by then is not known.
pg::RuleRecord* take(pg::RuleRecord& record, const pg::RuleRow& row) noexcept {
    pg::SharedRules& rules = shared_rules();
    strlcpy(record.name, row.name, sizeof record.name);
    record.version[0] = '\0';
    record.last_error[0] = '\0';
    record.is_switched_off = false;
    record.reset_counters();
    record.action_times.begin(rules.has_been_read ? INT64_MIN : rules.known_since);
    return &record;
}

} // namespace

pg::RuleRecord* find_or_take_record(const pg::RuleRow& row) {
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

} // namespace sessionctl::worker
