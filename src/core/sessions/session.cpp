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

} // namespace sessionctl::core
