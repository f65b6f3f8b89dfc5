#include "core/admission/session_limit.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<SessionLimit> && std::is_trivial_v<LimitAccount>,
              "they live in shared memory");

namespace {

constexpr LimitPer all_per[] = {LimitPer::role, LimitPer::database, LimitPer::application, LimitPer::client};
constexpr WhenFull all_when_full[] = {WhenFull::refuse, WhenFull::wait, WhenFull::evict};

bool is_printable_ascii(char c) noexcept {
    return c >= ' ' && c <= '~';
}

[[noreturn]] void refuse_combination(const char* option, const char* when_full) {
    throw Error(sqlstate::invalid_parameter_value, "%s needs when_full '%s'", option, when_full)
        .hint("Leave out %s, or choose that.", option);
}

[[noreturn]] void refuse_per(const char* what) {
    throw Error(sqlstate::invalid_parameter_value, "per '%s' does not go together with one %s", what, what)
        .hint("Leave out one of the two.");
}

} // namespace

const char* limit_per_name(LimitPer per) noexcept {
    switch (per) {
    case LimitPer::none:
        return nullptr;
    case LimitPer::role:
        return "role";
    case LimitPer::database:
        return "database";
    case LimitPer::application:
        return "application";
    case LimitPer::client:
        return "client";
    }
    return nullptr;
}

const char* when_full_name(WhenFull when_full) noexcept {
    switch (when_full) {
    case WhenFull::refuse:
        return "refuse";
    case WhenFull::wait:
        return "wait";
    case WhenFull::evict:
        return "evict";
    }
    return "";
}

bool LimitKey::is_whole_server() const noexcept {
    return role == 0 && database == 0 && client.is_any() && !has_application;
}

bool LimitKey::operator==(const LimitKey& other) const noexcept {
    return role == other.role && database == other.database && client == other.client && per == other.per &&
           has_application == other.has_application && std::strcmp(application, other.application) == 0;
}

std::int32_t checked_sessions(std::int32_t sessions) {
    if (sessions < 0)
        throw Error(sqlstate::invalid_parameter_value, "sessions must not be negative")
            .hint("Valid values are 0 (only superusers may log in) or more. sessionctl.unlimit_sessions() "
                  "removes a limit.");
    return sessions;
}

void set_application(LimitKey& key, std::string_view application) {
    if (application.size() >= sizeof key.application)
        throw Error(sqlstate::name_too_long, "application must not be longer than %zu bytes",
                    sizeof key.application - 1)
            .hint("The server cuts longer names.");
    if (!std::all_of(application.begin(), application.end(), is_printable_ascii))
        throw Error(sqlstate::invalid_parameter_value, "application must be printable ASCII")
            .hint("The server replaces other characters in the names of applications.");
    key.has_application = true;
    std::fill(std::begin(key.application), std::end(key.application), '\0');
    application.copy(key.application, application.size());
}

LimitPer checked_limit_per(std::string_view word) {
    for (const LimitPer per : all_per)
        if (word == limit_per_name(per))
            return per;
    throw Error(sqlstate::invalid_parameter_value, "unrecognized per \"%.*s\"", static_cast<int>(word.size()),
                word.data())
        .hint(
            "Valid values are 'role', 'database', 'application' and 'client' (address): each has a limit of "
            "its own. NULL is one limit for all together.");
}

WhenFull checked_when_full(std::string_view word) {
    for (const WhenFull when_full : all_when_full)
        if (word == when_full_name(when_full))
            return when_full;
    throw Error(sqlstate::invalid_parameter_value, "unrecognized when_full \"%.*s\"",
                static_cast<int>(word.size()), word.data())
        .hint(
            "Valid values are 'refuse', 'wait' (for a place) and 'evict' (the session that has been idle for "
            "longest).");
}

std::int32_t checked_evict_idle_for(const Interval& interval) {
    const std::int64_t total = milliseconds_of(interval);
    const char* const what = interval.infinite ? "infinite"
                             : total < 0       ? "negative"
                             : total > day_ms  ? "longer than one day"
                                               : nullptr;
    if (what != nullptr)
        throw Error(sqlstate::invalid_parameter_value, "evict_idle_for must not be %s", what)
            .hint("Valid values are '0' to '1 day'; write '10 min' for ten minutes.");
    return static_cast<std::int32_t>(total);
}

void check_session_limit(const SessionLimit& limit) {
    const LimitKey& key = limit.key;
    if (limit.when_full == WhenFull::wait && limit.wait == 0)
        throw Error(sqlstate::invalid_parameter_value, "when_full 'wait' needs wait")
            .hint("It is how long a login waits before it is refused, as in wait '5 s'.");
    if (limit.when_full != WhenFull::wait && limit.wait != 0)
        refuse_combination("wait", "wait");
    if (limit.when_full != WhenFull::evict && limit.evict_idle_for != default_evict_idle_for)
        refuse_combination("evict_idle_for", "evict");
    if (key.per == LimitPer::database && key.database != 0)
        refuse_per("database");
    if (key.per == LimitPer::application && key.has_application)
        refuse_per("application");
}

} // namespace sessionctl::core
