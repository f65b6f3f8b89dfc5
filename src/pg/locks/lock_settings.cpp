#include "pg/locks/lock_settings.hpp"

#include "core/locks/patience.hpp"
#include "pg/monotonic.hpp"
#include "pg/reaper/session_values.hpp"
#include "pg/reloads.hpp"

extern "C" {
#include "storage/latch.h"
}

namespace sessionctl::pg {

namespace {

using core::LockSetting;

constexpr core::LockSettings unset;
int priority = static_cast<int>(unset.priority);
int patience = unset.patience;
int action = static_cast<int>(unset.action);
int yield_after = unset.yield_after;

template <typename Value>
constexpr config_enum_entry choice(const char* name, Value value) {
    return {name, static_cast<int>(value), false};
}

const config_enum_entry priorities[] = {
    choice("low", core::LockPriority::low),
    choice("normal", core::LockPriority::normal),
    choice("high", core::LockPriority::high),
    {nullptr, 0, false},
};

const config_enum_entry actions[] = {
    choice("log", core::BlockerAction::log),
    choice("cancel", core::BlockerAction::cancel),
    choice("terminate", core::BlockerAction::terminate),
    choice("escalate", core::BlockerAction::escalate),
    {nullptr, 0, false},
};

extern "C" bool sessionctl_check_lock_setting(int*, void** extra, GucSource source) {
    return keep_source(extra, source);
}

/// The reaper looks for waits as often as the shortest of these times needs. A shorter one has to wake it.
void wake_reaper(std::int32_t value) noexcept {
    ReaperStatus& reaper = shared_memory()->reaper;
    Latch* const latch = reaper.latch;
    if (latch != nullptr && value > 0 && bring_lock_look_forward(value))
        SetLatch(latch);
}

template <LockSetting setting>
void assign(int value, void* extra) noexcept {
    note_new_setting();
    SessionSlot* const slot = slot_to_publish(extra);
    if (slot == nullptr)
        return;
    const SessionValue before =
        slot->lock_settings[static_cast<int>(setting)].exchange(value_to_publish(value, extra));
    if ((setting == LockSetting::patience || setting == LockSetting::yield_after) && before.value != value)
        wake_reaper(value);
}

std::int32_t general(LockSetting setting) noexcept {
    return shared_memory()->reaper.lock_settings[static_cast<int>(setting)];
}

/// `inherited`, or the session's own.
std::int32_t value_in_slot(const SessionSlot& slot, LockSetting setting) noexcept {
    return slot.lock_settings[static_cast<int>(setting)].load().value;
}

bool is_watched(int number, int pid) noexcept {
    const SessionSlot* const slot = session_slot(number);
    const bool is_its = slot != nullptr && slot->pid == pid;
    const auto is_set = [&](LockSetting setting) {
        const std::int32_t own = is_its ? value_in_slot(*slot, setting) : inherited;
        return (own != inherited ? own : general(setting)) > 0;
    };
    return is_set(LockSetting::patience) || is_set(LockSetting::yield_after);
}

/// Of two times, of which 0 is none.
std::int32_t shorter_of(std::int32_t a, std::int32_t b) noexcept {
    return a > 0 && b > 0 ? std::min(a, b) : std::max(a, b);
}

/// `inherited` is no time.
std::int32_t shortest_in_slot(const SessionSlot& slot) noexcept {
    const std::int32_t shortest =
        shorter_of(value_in_slot(slot, LockSetting::patience), value_in_slot(slot, LockSetting::yield_after));
    return std::max(shortest, 0);
}

} // namespace

void define_lock_settings() {
    DefineCustomEnumVariable(
        "pg_sessionctl.lock_priority", "Who gives way to whom where sessions wait for each other's locks.",
        "See pg_sessionctl.blocker_patience.", &priority, priority, priorities, PGC_SUSET, 0,
        sessionctl_check_lock_setting, assign<LockSetting::priority>, nullptr);
    DefineCustomIntVariable(
        "pg_sessionctl.blocker_patience",
        "How long the session waits for a lock before sessions in its way that have a lower "
        "pg_sessionctl.lock_priority give way.",
        "0 is off. What is done about them is pg_sessionctl.blocker_action. Needs the library in "
        "shared_preload_libraries.",
        &patience, patience, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, sessionctl_check_lock_setting,
        assign<LockSetting::patience>, nullptr);
    DefineCustomEnumVariable(
        "pg_sessionctl.blocker_action",
        "What is done about those in the session's way when its pg_sessionctl.blocker_patience ends.",
        "log only tells the server log whom terminate would end; escalate cancels first.", &action, action,
        actions, PGC_USERSET, 0, sessionctl_check_lock_setting, assign<LockSetting::action>, nullptr);
    DefineCustomIntVariable("pg_sessionctl.yield_after",
                            "How long the session, while it waits for the lock of a table, keeps others "
                            "waiting that it alone is in "
                            "the way of, before its statement is cancelled.",
                            "0 is off. Needs the library in shared_preload_libraries.", &yield_after,
                            yield_after, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, sessionctl_check_lock_setting,
                            assign<LockSetting::yield_after>, nullptr);
}

void publish_general_lock_settings() noexcept {
    SharedMemory* const shared = shared_memory();
    const int values[core::lock_setting_count] = {priority, patience, action, yield_after};
    for (int i = 0; shared != nullptr && i < core::lock_setting_count; ++i)
        shared->reaper.lock_settings[i] = values[i];
}

core::LockSettings lock_settings_of(const core::Session& session) noexcept {
    core::LockSettings settings;
    if (shared_memory() == nullptr)
        return settings;
    const SessionSlot* const slot = session_slot(session.slot);
    const bool is_its = slot != nullptr && belongs_to(*slot, session.id);
    const auto get = [&](LockSetting setting) {
        const SessionValue none = {inherited, InvalidOid};
        const SessionValue own = is_its ? slot->lock_settings[static_cast<int>(setting)].load() : none;
        return own.value != inherited ? own : SessionValue{general(setting), InvalidOid};
    };
    const auto time = [&](LockSetting setting) {
        const bool has_own = is_its && value_in_slot(*slot, setting) != inherited;
        return session.kind == core::Kind::client || has_own ? get(setting) : SessionValue{0, InvalidOid};
    };
    const SessionValue patience_set = time(LockSetting::patience);
    const SessionValue action_set = get(LockSetting::action);
    settings.priority = static_cast<core::LockPriority>(get(LockSetting::priority).value);
    settings.patience = patience_set.value;
    settings.action = static_cast<core::BlockerAction>(action_set.value);
    settings.yield_after = time(LockSetting::yield_after).value;
    settings.patience_by = patience_set.set_by;
    settings.action_by = action_set.set_by;
    return settings;
}

std::optional<core::LockPriority> lock_priority_of(const core::Session& session) noexcept {
    if (session.kind != core::Kind::client || shared_memory() == nullptr)
        return std::nullopt;
    return lock_settings_of(session).priority;
}

bool is_acted_on(const LOCKTAG& lock) noexcept {
    return lock.locktag_type == LOCKTAG_RELATION || lock.locktag_type == LOCKTAG_TUPLE ||
           lock.locktag_type == LOCKTAG_TRANSACTION;
}

bool is_yielded(const LOCKTAG& lock) noexcept {
    return lock.locktag_type == LOCKTAG_RELATION;
}

std::int32_t shortest_watched_time() noexcept {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr)
        return 0;
    std::int32_t shortest = shorter_of(general(LockSetting::patience), general(LockSetting::yield_after));
    for (int number = 0; number < shared->slot_count; ++number) {
        SessionSlot& slot = shared->slots[number];
        const std::int32_t own = slot.pid != 0 ? shortest_in_slot(slot) : 0;
        if (own > 0 && !forget_if_dead(slot))
            shortest = shorter_of(shortest, own);
    }
    return shortest;
}

bool is_any_watched_waiting() noexcept {
    return compat::any_waits_for_lock(is_watched);
}

bool bring_lock_look_forward(std::int32_t time) noexcept {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr || time <= 0)
        return false;
    core::Timestamp next = shared->reaper.next_lock_look;
    while (const auto earlier = core::earlier_look(monotonic_now(), time, next))
        if (shared->reaper.next_lock_look.compare_exchange_weak(next, *earlier))
            return true;
    return false;
}

} // namespace sessionctl::pg
