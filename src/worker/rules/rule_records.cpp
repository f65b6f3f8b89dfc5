#include "worker/rules/rule_records.hpp"

namespace sessionctl::worker {

namespace {

pg::RuleRecord* find(const char* name) noexcept {
    for (pg::RuleRecord& record : shared_rules().records)
        if (std::strcmp(record.name, name) == 0)
            return &record;
    return nullptr;
}

/// The least for a free place; of a rule that is gone, when it did something last that must not be forgotten.
core::Timestamp needed_since(const pg::RuleRecord& record) noexcept {
    if (record.is_present)
        return INT64_MAX;
    return record.name[0] == '\0' ? INT64_MIN : std::max(record.action_times.last(), record.switched_off_at);
}

/// What a rule that was there before the server's last start did by then is not known.
pg::RuleRecord* take(pg::RuleRecord& record, const pg::RuleRow& row) noexcept {
    pg::SharedRules& rules = shared_rules();
    strlcpy(record.name, row.name, sizeof record.name);
    record.version[0] = '\0';
    record.last_error[0] = '\0';
    record.is_switched_off = false;
    record.switched_off_at = 0;
    record.is_present = true;
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
        found->is_present = true;
        return found;
    }
    pg::RuleRecord& oldest = *std::min_element(
        std::begin(rules.records), std::end(rules.records),
        [](const pg::RuleRecord& a, const pg::RuleRecord& b) { return needed_since(a) < needed_since(b); });
    return needed_since(oldest) == INT64_MAX ? nullptr : take(oldest, row);
}

} // namespace sessionctl::worker
