#include "core/sessions/session.hpp"

#include <charconv>
#include <limits>

namespace sessionctl::core {

namespace {

/// All of the text, and nothing but hexadecimal digits.
std::optional<std::uint64_t> parse_hexadecimal(std::string_view text) noexcept {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, 16);
    return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

} // namespace

std::optional<Identity> parse_session_id(std::string_view text) noexcept {
    constexpr std::uint64_t largest_pid = std::numeric_limits<std::int32_t>::max();
    constexpr std::uint64_t seconds_bound = std::uint64_t{1} << 43; // more than any time has
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos)
        return std::nullopt;
    const std::optional<std::uint64_t> seconds = parse_hexadecimal(text.substr(0, dot));
    const std::optional<std::uint64_t> pid = parse_hexadecimal(text.substr(dot + 1));
    if (!seconds || !pid || *seconds >= seconds_bound || *pid == 0 || *pid > largest_pid)
        return std::nullopt;
    const Timestamp start =
        (static_cast<Timestamp>(*seconds) - unix_epoch_of_timestamp) * microseconds_per_second;
    return Identity{static_cast<std::int32_t>(*pid), start};
}

const char* state_name(State state) noexcept {
    switch (state) {
    case State::undefined:
        return nullptr;
    case State::starting:
        return "starting";
    case State::idle:
        return "idle";
    case State::active:
        return "active";
    case State::idle_in_transaction:
        return "idle in transaction";
    case State::fastpath:
        return "fastpath function call";
    case State::idle_in_transaction_aborted:
        return "idle in transaction (aborted)";
    case State::disabled:
        return "disabled";
    }
    return nullptr;
}

const char* protection_name(Protection protection) noexcept {
    switch (protection) {
    case Protection::none:
        return nullptr;
    case Protection::self:
        return "self";
    case Protection::parallel_worker:
        return "parallel worker";
    case Protection::not_a_client:
        return "not a client";
    case Protection::background_process:
        return "background process";
    case Protection::replication:
        return "replication";
    case Protection::superuser:
        return "superuser";
    case Protection::protected_role:
        return "protected role";
    case Protection::permission_denied:
        return "permission denied";
    }
    return nullptr;
}

Protection protection_of(const Session& session, Inclusion inclusion) noexcept {
    if (session.is_self)
        return Protection::self;
    // The kind is not disclosed to a caller who may neither see nor signal it.
    const bool is_disclosed = session.is_visible || session.may_signal;
    if (session.kind == Kind::parallel_worker && is_disclosed)
        return Protection::parallel_worker;
    const bool is_disclosed_background = is_background(session.kind) && is_disclosed;
    if (session.kind == Kind::other)
        return Protection::not_a_client;
    if (is_disclosed_background && !inclusion.background)
        return Protection::background_process;
    if (is_walsender(session.kind) && !inclusion.replication &&
        !(session.kind == Kind::database_walsender && inclusion.database_walsenders))
        return Protection::replication;
    // No user is behind a background process, though most have superuser rights.
    if (session.is_superuser && !inclusion.superusers && !is_disclosed_background)
        return Protection::superuser;
    if (session.is_protected && session.kind != Kind::autovacuum_worker) // it works for no role
        return Protection::protected_role;
    if (!session.may_signal)
        return Protection::permission_denied;
    return Protection::none;
}

Inclusion inclusion_for(const Session& session, Inclusion given) noexcept {
    Inclusion inclusion = given;
    for (;;) {
        switch (protection_of(session, inclusion)) {
        case Protection::none:
            return inclusion;
        case Protection::background_process:
            inclusion.background = true;
            break;
        case Protection::replication:
            inclusion.replication = true;
            break;
        case Protection::superuser:
            inclusion.superusers = true;
            break;
        default:
            return given;
        }
    }
}

} // namespace sessionctl::core
