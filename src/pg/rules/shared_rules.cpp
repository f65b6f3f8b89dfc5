#include "pg/rules/shared_rules.hpp"

#include "pg/encoding.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "storage/latch.h"
}

namespace sessionctl::pg {

namespace {

void wake_up(Latch* latch) noexcept {
    if (latch != nullptr)
        SetLatch(latch);
}

} // namespace

void RuleRecord::reset_counters() noexcept {
    ++resets;
    for (auto* const counter : {&checks, &matched, &acted, &ended, &held_back, &errors})
        *counter = 0;
    check_time = 0;
    last_check = 0;
    last_acted = 0;
}

void RuleRecord::set_error(const char* text) noexcept {
    copy_clipped(last_error, sizeof last_error, text, own_characters());
}

void SharedRules::begin(core::Timestamp now) noexcept {
    nothing_to_do_at = -1;
    checking = none;
    known_since = now;
}

void SharedRules::belong_to(Oid its_database, int its_encoding) noexcept {
    if (database != its_database)
        for (RuleRecord& record : records) {
            record.is_present = false;
            record.version[0] = '\0';
        }
    database = its_database;
    encoding = its_encoding;
}

bool SharedRules::abandon() noexcept {
    const auto place = std::find(std::begin(abandoned), std::end(abandoned), 0);
    if (place == std::end(abandoned))
        return false;
    const std::int32_t worker = pid;
    *place = worker;
    return leave_place(worker);
}

bool SharedRules::leave(std::int32_t worker) noexcept {
    if (leave_place(worker))
        return true;
    std::replace(std::begin(abandoned), std::end(abandoned), worker, 0);
    return false;
}

bool SharedRules::leave_place(std::int32_t worker) noexcept {
    if (pid != worker)
        return false;
    checking_until = 0;
    checking = none;
    told_to_end = 0;
    latch = nullptr;
    pid = 0;
    return true;
}

bool SharedRules::is_worker(std::int32_t process) const noexcept {
    return process != 0 && (pid == process || std::find(std::begin(abandoned), std::end(abandoned),
                                                        process) != std::end(abandoned));
}

/// A check that does not end costs all rules what is known of their sessions: under whatever name, its owner
/// can't do that again and again.
const char* SharedRules::problem_of_owner(Oid owner, core::Timestamp now) const noexcept {
    constexpr core::Timestamp pause = 3600 * core::microseconds_per_second;
    const auto is_paused = [=](const RuleRecord& record) {
        return record.owner == owner && record.switched_off_at != 0 && now < record.switched_off_at + pause;
    };
    if (std::any_of(std::begin(records), std::end(records), is_paused))
        return "no rule of its owner is checked for an hour after the check of one did not end";
    if (is_crowded())
        return "only superusers' rules are checked while two processes do not end that have checked others";
    return nullptr;
}

bool SharedRules::is_crowded() const noexcept {
    return std::find(std::begin(abandoned), std::end(abandoned), 0) == std::end(abandoned);
}

void SharedRules::wake() noexcept {
    wake_up(latch);
    wake_up(shared_memory()->reaper.latch);
}

} // namespace sessionctl::pg
