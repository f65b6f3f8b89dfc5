// What must still be true of a session when it is signalled.
#pragma once

#include "core/sessions/plan.hpp"

namespace sessionctl::core {

/// The state of a session at one moment.
struct Observation {
    bool listed;  // it is in the session table: only then may it be signalled
    bool present; // false only when it is proven gone: neither in the table nor in the process array
    State state;
    Timestamp state_change;
    Timestamp query_start;
    Timestamp xact_start;
    bool is_streaming;      // a walsender: its transactions are not its client's
    bool is_in_transaction; // only for background processes, which need not report a state
};

/// What must still be true of a session at the instant of the signal.
enum class Recheck : std::uint8_t {
    identity,       // the same session
    statement,      // and it still runs the statement that was chosen
    idleness,       // and it has been idle ever since, in the same transaction or in none
    transaction,    // and it is still in the same transaction
    state,          // and it has been in the same state ever since
    selection,      // as idleness, or the caller's condition still selects it
    work,           // and it still runs the statement that was chosen, is idle in its transaction, or
                    // blocks others while it is idle outside of one
    wait,           // and it still runs the statement that was chosen, and is still selected
    no_transaction, // and it is in none: idle, or its transaction was rolled back by an error, or it streams
    no_other_transaction, // and it is in none, or in the one in which it was chosen, or still runs the
                          // statement that was chosen
};

/// Does it still run the statement with which it was chosen?
bool runs_chosen_statement(const Session& chosen, const Observation& observed) noexcept;

/// Does it run the statement, or wait for its client in the transaction, with which it was chosen?
bool is_at_work(const Session& chosen, const Observation& observed) noexcept;

/// The outcome of the look just before the signal: chosen (signal it), already gone, not running, no longer
/// matches.
Outcome outcome_of_recheck(Recheck recheck, const Session& chosen, const Observation& observed) noexcept;

} // namespace sessionctl::core
