// The limits of a session, and the rules that end it.
#pragma once

#include "core/sessions/session.hpp"

#include <array>
#include <cstdint>

namespace sessionctl::core {

/// The limits a session can have of its own, in the order in which they are kept in shared memory.
enum class Limit : std::uint8_t {
    idle_in_transaction, // ms
    blocking,            // ms idle in a transaction, while others wait
    horizon_age,         // transactions that an idle one holds back
    horizon_idle,        // ms idle in a transaction before horizon_age counts
    idle_session,        // ms
    transaction,         // ms
    client_silence,      // ms
    client_gone,         // ms
    statement,           // ms
    lifetime,            // ms since the session began
};
constexpr int limit_count = 10;

/// As its parameter is called, without the prefix.
const char* limit_name(Limit limit) noexcept;

/// 0 is off.
class Limits {
  public:
    std::int32_t& operator[](Limit limit) noexcept { return values_[static_cast<std::size_t>(limit)]; }
    std::int32_t operator[](Limit limit) const noexcept { return values_[static_cast<std::size_t>(limit)]; }
    Timestamp time(Limit limit) const noexcept { return (*this)[limit] * microseconds_per_millisecond; }
    /// horizon_idle stays: it is no rule of its own, but a part of horizon_age.
    void switch_off() noexcept;

  private:
    std::array<std::int32_t, limit_count> values_ = {};
};

/// What a session is ended for.
enum class Rule : std::uint8_t {
    idle_in_transaction,
    blocking,
    horizon,
    idle_session,
    transaction,
    client_silence,
    client_gone,
    statement,
    lifetime // after its transaction
};
constexpr int rule_count = 9;

/// The limit that the rule enforces.
Limit limit_of(Rule rule) noexcept;

/// As the parameter that sets that limit is called, without the prefix.
const char* rule_name(Rule rule) noexcept;

} // namespace sessionctl::core
