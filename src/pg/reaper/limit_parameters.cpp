#include "pg/reaper/limit_parameters.hpp"

#include "pg/clients/client_presence.hpp"
#include "pg/clients/inactivity.hpp"
#include "pg/monotonic.hpp"
#include "pg/reloads.hpp"
#include "pg/shared_memory.hpp"

#include <csignal>

extern "C" {
#include "storage/latch.h"
#include "utils/guc.h"
}

namespace sessionctl::pg {

namespace {

using core::Limit;

core::Limits values;

constexpr std::int32_t inherited = -1;

/// General limits do not apply to a walsender: a table sync would be ended, restarted and ended again,
/// forever.
bool is_own(GucSource source) noexcept {
    return source >= (compat::own_kind() == core::Kind::client ? PGC_S_GLOBAL : PGC_S_DATABASE);
}

/// Passes a value's source to the assign hook, which is called for restored values, too.
bool keep_source(void** extra, GucSource source) noexcept {
    auto* const kept = static_cast<GucSource*>(compat::allocate_guc_extra(sizeof(GucSource)));
    if (kept == nullptr)
        return false;
    *kept = source;
    *extra = kept;
    return true;
}

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

void claim(SessionSlot& slot) noexcept {
    if (slot.pid == MyProcPid && slot.start == compat::own_start())
        return;
    slot.pid = 0; // not valid meanwhile
    for (auto& limit : slot.limits)
        limit = inherited;
    slot.start = compat::own_start();
    slot.pid = MyProcPid;
}

void publish(Limit limit, std::int32_t value, bool is_own_value) noexcept {
    SessionSlot* const slot = IsUnderPostmaster ? session_slot(compat::own_slot()) : nullptr;
    if (slot == nullptr)
        return;
    claim(*slot);
    slot->limits[static_cast<int>(limit)] = is_own_value ? value : inherited;
    wake_reaper(limit, value);
}

/// An assign hook must not raise an error.
template <Limit limit>
void assign(int value, void* extra) noexcept {
    note_new_setting();
    if (extra != nullptr)
        publish(limit, value, is_own(*static_cast<const GucSource*>(extra)));
}

template <Limit limit>
void define(const char* name, const char* what, const char* more, int unset, int flags,
            GucIntCheckHook check = sessionctl_check_limit) {
    DefineCustomIntVariable(name, what, more, &values[limit], unset, 0, INT_MAX, PGC_SUSET, flags, check,
                            assign<limit>, nullptr);
}

bool belongs_to(const SessionSlot& slot, const core::Identity& session) noexcept {
    return slot.pid == session.pid && slot.start == session.start;
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

/// A session does not clear its slot at exit. True if its process is gone.
bool forget_if_dead(SessionSlot& slot) noexcept {
    std::int32_t pid = slot.pid;
    const core::Timestamp start = slot.start;
    if (pid == 0 || kill(pid, 0) == 0 || errno != ESRCH)
        return false;
    if (slot.pid.compare_exchange_strong(pid, 0) && slot.start != start)
        slot.pid = pid; // claimed since, by another process with that pid
    return true;
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
