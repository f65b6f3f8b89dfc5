// The plan: which of the matched sessions are acted on, and the outcome of each.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/options.hpp"
#include "core/sessions/protection.hpp"

#include <cstdint>
#include <string_view>

namespace sessionctl::core {

enum class Action : std::uint8_t { count, preview, cancel, terminate, close_socket, escalate, drain };

/// The steps of an escalation, in their order.
enum class Step : std::uint8_t { cancel, terminate, close_socket };
constexpr Step all_steps[] = {Step::cancel, Step::terminate, Step::close_socket};
constexpr int step_count = 3;

enum class Outcome : std::uint8_t {
    chosen, // not acted on yet: what preview shows
    terminated,
    cancelled,
    signalled,
    already_gone,
    not_running,
    no_longer_matches,
    spared,
    denied,
    still_running,
    not_permitted, // by the operating system to close its client's socket
    not_reached,   // the call ran out of time, or was cancelled, before its turn
};

/// As the outcome column spells it.
const char* outcome_name(Outcome outcome) noexcept;

/// A step of an escalation as it was taken.
struct EscalationStep {
    Timestamp at = 0;                  // monotonic; 0: not taken
    Outcome outcome = Outcome::chosen; // what it led to; chosen: not known yet
};

/// One matched session on its way through the plan.
struct Target {
    Session session;
    std::string_view group; // what the caller's columns `per` hold; lives as long as the plan
    Outcome outcome = Outcome::chosen;
    const char* reason = nullptr;     // why spared or denied, or a remark; a constant
    Timestamp signalled_at = 0;       // monotonic
    Timestamp elapsed = -1;           // microseconds from the signal to the proof
    EscalationStep steps[step_count]; // of an escalation
    bool is_forced = false;           // drained, but its transaction was aborted

    EscalationStep& step(Step step) noexcept { return steps[static_cast<int>(step)]; }
    const EscalationStep& step(Step step) const noexcept { return steps[static_cast<int>(step)]; }
};

using Plan = vector<Target>;

/// Of a session that was not acted on yet.
Outcome outcome_of_protection(Protection protection) noexcept;

/// Decides for every target: chosen, spared or denied. All are decided before the first signal.
void choose(Plan& plan, const Guards& guards);

/// Errors: 54000 when more are chosen than `bound` allows; nobody has been signalled then.
void refuse_excess(const Plan& plan, std::int64_t bound);

std::int64_t count_of(const Plan& plan, Outcome outcome) noexcept;

/// What the caller's function returns: sessions really ended or cancelled, or with no wait signalled; for
/// count and preview the chosen ones.
std::int64_t counted(const Plan& plan, Action action) noexcept;

} // namespace sessionctl::core
