#include "pg/rules/shared_rules.hpp"

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
    for (auto* const counter : {&checks, &matched, &acted, &ended, &held_back, &errors})
        *counter = 0;
    check_time = 0;
    last_check = 0;
    last_acted = 0;
}

void RuleRecord::set_error(const char* text) noexcept {
    strlcpy(last_error, text, sizeof last_error);
}

void SharedRules::begin(core::Timestamp now) noexcept {
    nothing_to_do_at = -1;
    checking = none;
    known_since = now;
}

void SharedRules::wake() noexcept {
    wake_up(latch);
    wake_up(shared_memory()->reaper.latch);
}

} // namespace sessionctl::pg
