#include "pg/rules/rule_changes.hpp"

#include "pg/error.hpp"
#include "pg/keep_out/login_lock.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::pg {

namespace {

/// As long as core waits for other sessions of a database that it drops.
constexpr core::Timestamp longest_leave = 5 * core::microseconds_per_second;
constexpr core::Timestamp leave_poll_interval = 5 * core::microseconds_per_millisecond;

bool is_following = false;

/// Of the present transaction.
bool has_changed_rules = false;
bool keeps_away = false;

extern "C" void sessionctl_rules_transaction(XactEvent event, void*) noexcept {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
        return;
    SharedMemory* const shared = shared_memory();
    const bool was_changed = std::exchange(has_changed_rules, false) && event == XACT_EVENT_COMMIT;
    const bool was_kept_away = std::exchange(keeps_away, false);
    if (shared == nullptr || (!was_changed && !was_kept_away))
        return;
    if (was_kept_away)
        --shared->rules.kept_away;
    ++shared->rules.changes;
    shared->rules.wake();
}

void follow_transaction() {
    if (!std::exchange(is_following, true))
        call([] { RegisterXactCallback(sessionctl_rules_transaction, nullptr); });
}

} // namespace

void wake_rules_at_commit() {
    follow_transaction();
    forbid_prepare("a change of session rules");
    has_changed_rules = true;
}

void keep_rules_away() {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr || keeps_away)
        return;
    follow_transaction();
    keeps_away = true;
    ++shared->rules.kept_away;
    shared->rules.wake();
    const core::Timestamp deadline = monotonic_now() + longest_leave;
    while (shared->rules.pid != 0 && monotonic_now() < deadline)
        pause(leave_poll_interval);
}

} // namespace sessionctl::pg
