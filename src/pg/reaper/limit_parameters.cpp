#include "pg/reaper/limit_parameters.hpp"

#include "pg/clients/client_presence.hpp"
#include "pg/clients/inactivity.hpp"
#include "pg/monotonic.hpp"
#include "pg/reaper/session_values.hpp"
#include "pg/reloads.hpp"

extern "C" {
#include "storage/latch.h"
}

namespace sessionctl::pg {

namespace {

using core::Limit;

core::Limits values;

extern "C" bool sessionctl_check_limit(int*, void** extra, GucSource source) {
    return keep_source(extra, source);
}

extern "C" bool sessionctl_check_silence(int* value, void** extra, GucSource source) {
    if (*value != 0 && !can_observe_silence) {
        GUC_check_errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
        GUC_check_errmsg("pg_sessionctl.client_silence_timeout is not supported by this server");
        GUC_check_errhint("It requires Linux and PostgreSQL 10 or later.");
        return false;
    }
    return keep_source(extra, source);
}

extern "C" bool sessionctl_check_gone(int* value, void** extra, GucSource source) {
    if (*value != 0 && !can_observe_clients) {
        GUC_check_errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
        GUC_check_errmsg("pg_sessionctl.client_gone_timeout is not supported by this server");
        GUC_check_errhint("It requires Linux.");
        return false;
    }
    return keep_source(extra, source);
}

/// The reaper sleeps until the earliest deadline. An earlier one has to wake it.
void wake_reaper(Limit limit, std::int32_t value) noexcept {
    const ReaperStatus& reaper = shared_memory()->reaper;
    Latch* const latch = reaper.latch;
    if (latch == nullptr || value <= 0)
        return;
    const bool is_time = limit != Limit::horizon_age;
    const core::Timestamp left = (is_time ? value * core::microseconds_per_millisecond : 0) -
                                 (limit == Limit::lifetime ? GetCurrentTimestamp() - compat::own_start() : 0);
    if (monotonic_now() + left < reaper.next_look)
        SetLatch(latch);
}

/// An assign hook must not raise an error.
template <Limit limit>
void assign(int value, void* extra) noexcept {
    note_new_setting();
    SessionSlot* const slot = slot_to_publish(extra);
    if (slot == nullptr)
        return;
    slot->limits[static_cast<int>(limit)] = value_to_publish(value, extra).value;
    wake_reaper(limit, value);
}

template <Limit limit>
void define(const char* name, const char* what, const char* more, int unset, int flags,
            GucIntCheckHook check = sessionctl_check_limit) {
    DefineCustomIntVariable(name, what, more, &values[limit], unset, 0, INT_MAX, PGC_SUSET, flags, check,
                            assign<limit>, nullptr);
}

/// The limits in the slot; where it has none, these.
core::Limits limits_in(const SessionSlot& slot, core::Limits limits = values) noexcept {
    for (int i = 0; i < core::limit_count; ++i) {
        const std::int32_t value = slot.limits[i];
        if (value != inherited)
            limits[static_cast<Limit>(i)] = value;
    }
    return limits;
}

} // namespace

void define_limits() {
    define<Limit::idle_in_transaction>("pg_sessionctl.idle_in_transaction_timeout",
                                       "Ends sessions that are idle in a transaction for longer than this.",
                                       "A value of 0 turns this off.", 0, GUC_UNIT_MS);
    define<Limit::blocking>(
        "pg_sessionctl.idle_in_transaction_blocking_timeout",
        "Ends sessions that are idle in a transaction for longer than this while others wait for them.",
        "A value of 0 turns this off.", 0, GUC_UNIT_MS);
    define<Limit::horizon_age>(
        "pg_sessionctl.idle_in_transaction_horizon_age",
        "Ends sessions that are idle in a transaction and hold back VACUUM by more transactions than this.",
        "A value of 0 turns this off. See pg_sessionctl.idle_in_transaction_horizon_idle.", 0, 0);
    define<Limit::horizon_idle>("pg_sessionctl.idle_in_transaction_horizon_idle",
                                "Sets how long a session must be idle in a transaction before "
                                "pg_sessionctl.idle_in_transaction_horizon_age ends it.",
                                nullptr, 60 * 1000, GUC_UNIT_MS);
    define<Limit::idle_session>("pg_sessionctl.idle_session_timeout",
                                "Ends sessions that are idle outside a transaction for longer than this.",
                                "A value of 0 turns this off.", 0, GUC_UNIT_MS);
    define<Limit::transaction>("pg_sessionctl.transaction_timeout",
                               "Ends sessions whose transaction lasts longer than this.",
                               "A value of 0 turns this off.", 0, GUC_UNIT_MS);
    define<Limit::statement>(
        "pg_sessionctl.statement_timeout", "Cancels statements that run for longer than this.",
        "A value of 0 turns this off. If the statement does not end, its session is ended.", 0, GUC_UNIT_MS);
    define<Limit::lifetime>("pg_sessionctl.session_lifetime_timeout",
                            "Ends sessions that are older than this, after the transaction that they are in.",
                            "A value of 0 turns this off.", 0, GUC_UNIT_MS);
    define<Limit::client_silence>(
        "pg_sessionctl.client_silence_timeout",
        "Ends sessions that wait for their client in the middle of a statement for longer than this.",
        "A value of 0 turns this off.", 0, GUC_UNIT_MS, sessionctl_check_silence);
    define<Limit::client_gone>(
        "pg_sessionctl.client_gone_timeout",
        "Ends sessions that run a statement although their client has been gone for longer than this.",
        "A value of 0 turns this off.", 0, GUC_UNIT_MS, sessionctl_check_gone);
}

core::Limits own_limits() noexcept {
    return values;
}

core::Limits limits_of(const core::Session& session) noexcept {
    core::Limits general = values;
    if (session.kind == core::Kind::database_walsender)
        general.switch_off();
    const SessionSlot* const slot = session_slot(session.slot);
    return slot != nullptr && belongs_to(*slot, session.id) ? limits_in(*slot, general) : general;
}

bool has_own_limits(const core::Session& session) noexcept {
    const SessionSlot* const slot = session_slot(session.slot);
    return slot != nullptr && belongs_to(*slot, session.id) &&
           std::any_of(std::begin(slot->limits), std::end(slot->limits),
                       [](const auto& value) { return value != inherited; });
}

core::vector<core::Limits> limits_of_logins(const core::vector<core::Session>& listed) {
    core::vector<core::Limits> limits;
    SharedMemory* const shared = shared_memory();
    auto next = listed.begin();
    for (int number = 0; shared != nullptr && number < shared->slot_count; ++number) {
        SessionSlot& slot = shared->slots[number];
        while (next != listed.end() && next->slot < number)
            ++next;
        // From 18 on a login is in the session table from its beginning.
        const bool is_listed = next != listed.end() && next->slot == number &&
                               next->state != core::State::starting && belongs_to(slot, next->id);
        if (slot.pid != 0 && !is_listed && !forget_if_dead(slot))
            limits.push_back(limits_in(slot));
    }
    return limits;
}

} // namespace sessionctl::pg
