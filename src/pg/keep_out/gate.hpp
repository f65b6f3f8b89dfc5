// The gate in shared memory: one flag that every login reads, and behind it the lockdown that is in force.
//
// Nobody slips through between the closing and the sweep that follows it. A login writes its pass (that it
// goes through) before it reads the flag; who closes writes the flag before it reads the passes; between
// write and read both have a full barrier. So of each login one of two things is true: it sees the gate
// closed, and is judged by the new rule, or who closed sees its pass, and waits until the login has a role
// to judge it by (pg/keep_out/gate_sweep). The same holds for a change of the rule: the pass is written
// before the state is read that let the login in.
#pragma once

#include "compat/postgres.hpp"
#include "core/keep_out/gate.hpp"

#include <atomic>

namespace sessionctl::pg {

using core::GateState;

/// In the slot of a session: it went through the gate, or is about to. Taken back when the login is refused
/// or waits, and when the session exits; so it is never left to a successor.
struct GatePass {
    std::atomic<std::int32_t> pid; // 0: none; negative: of a walsender for physical replication
};

class Gate {
  public:
    /// What is in force, and the number of its version, which each change raises.
    struct View {
        std::uint32_t version;
        GateState state;
    };

    /// The one atomic read of a login while the gate is open.
    bool is_closed() const noexcept { return is_closed_.load(std::memory_order_seq_cst); }
    View view() const noexcept;
    /// By who holds the lock of the gate.
    void publish(const GateState& state) noexcept;
    /// What the file says, in the process that makes shared memory: the postmaster, at each start and after
    /// each crash of a session.
    void load();

    /// The version that the file has; 0: it has none, or is from before the start. For who holds the lock of
    /// the gate.
    std::uint32_t written_version() const noexcept { return written_version_; }
    void set_written_version(std::uint32_t version) noexcept { written_version_ = version; }

    /// Logins that wait for the gate to open. False where all places are taken.
    bool take_place(int places) noexcept;
    void leave_place() noexcept { --held_; }

  private:
    std::atomic<bool> is_closed_;
    std::atomic<std::int32_t> held_;
    std::atomic<std::uint32_t> version_; // odd: being written
    std::uint32_t written_version_;
    GateState state_;
};

/// The lockdown of now, for everybody who wants to show it, whether pg_sessionctl.gate is on or off. Not
/// closed: none, or the library is not preloaded.
GateState gate_state();

/// A change of the gate that can be taken back, as long as nobody else made another one after it.
class GateChange {
  public:
    /// File first, then memory: a crash in between comes back closed. A file that can't be written, on a full
    /// disk say, does not keep the gate open: a WARNING tells what a restart does.
    void close(const GateState& next);
    /// Needs no space. Errors: those of the file (class 58 and 53); then it is as it was.
    void open();
    /// What was before; nothing where nothing was made, or where somebody else made a change after it. What
    /// is taken back is in the file no more, either. Needs no space, raises nothing.
    void undo() noexcept;
    /// It is to stay. Raises nothing.
    void settle() noexcept;
    /// Nobody made another one since.
    bool is_in_force() const noexcept;
    /// A gate that had opened by itself was open.
    bool was_closed() const noexcept { return before_.is_closed; }
    /// A restart comes back closed.
    bool is_written() const noexcept { return is_written_; }

  private:
    void publish(const GateState& next) noexcept;

    bool is_made_ = false;
    bool is_written_ = false;
    std::uint32_t version_ = 0;
    GateState before_ = {};
};

/// Clears away a lockdown of that version whose time is over. Raises nothing.
void open_expired_gate(std::uint32_t version) noexcept;

/// What the gate knows of a role.
core::Login login_of(Oid role, core::Kind kind, const GateState& state);

/// The audit: who did what to the gate, and why.
void log_gate(const char* action, const char* result, const GateState& state) noexcept;

} // namespace sessionctl::pg
