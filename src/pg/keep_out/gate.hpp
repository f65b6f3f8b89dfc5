// The gate in shared memory: a flag that every login reads, and the lockdown in force.
//
// No login gets through between the closing of the gate and the sweep that follows. A login writes its pass
// (it goes through) before it reads the flag; closing writes the flag before it reads the passes; both have a
// full barrier between write and read. So for each login one of two holds: it sees the gate closed and is
// checked by the new rule, or the sweep sees its pass and waits until it has a role to check
// (pg/logins/gate_sweep). The same holds for a change of the rule: the pass is written before the state
// that let the login in is read.
#pragma once

#include "compat/postgres.hpp"
#include "core/keep_out/gate.hpp"

#include <atomic>

namespace sessionctl::pg {

using core::GateState;

/// In the session's slot: it went through the gate, or is about to. Cleared when the login is refused or
/// waits, and when the session exits, so that the next session never finds it.
struct GatePass {
    std::atomic<std::int32_t> pid; // 0: none; negative: a walsender for physical replication
};

class Gate {
  public:
    /// The lockdown in force, and its version, which each change increments.
    struct View {
        std::uint32_t version;
        GateState state;
    };

    /// The only atomic read of a login while the gate is open.
    bool is_closed() const noexcept { return is_closed_.load(std::memory_order_seq_cst); }
    View view() const noexcept;
    /// The caller holds the gate's lock.
    void publish(const GateState& state) noexcept;
    /// Loads the file, in the process that creates shared memory: the postmaster, at each start and after
    /// each crash of a session.
    void load();

    /// The version in the file; 0: there is no file, or it is from before the start. The caller holds the
    /// gate's lock.
    std::uint32_t written_version() const noexcept { return written_version_; }
    void set_written_version(std::uint32_t version) noexcept { written_version_ = version; }

    /// For logins that wait for the gate to open. False if all places are taken.
    bool acquire_place(int places) noexcept;
    void release_place() noexcept { --held_; }

  private:
    std::atomic<bool> is_closed_;
    std::atomic<std::int32_t> held_;
    std::atomic<std::uint32_t> version_; // odd: being written
    std::uint32_t written_version_;
    GateState state_;
};

/// The current lockdown, for display, whether pg_sessionctl.gate is on or off. Not closed: there is none, or
/// the library is not preloaded.
GateState gate_state();

/// A change of the gate that can be undone, as long as no other change followed.
class GateChange {
  public:
    /// Writes the file first, then memory: after a crash in between, the gate is closed. If the file can't be
    /// written, on a full disk say, the gate closes all the same, with a WARNING about a restart.
    void close(const GateState& next);
    /// Needs no space. Errors: those of the file (class 58 and 53); the gate is then unchanged.
    void open();
    /// Restores the previous state, also in the file. Does nothing if nothing was changed, or if another
    /// change followed. Needs no space, raises nothing.
    void undo() noexcept;
    /// Makes the change final. Raises nothing.
    void settle() noexcept;
    /// No other change followed.
    bool is_in_force() const noexcept;
    /// False if the previous lockdown had expired.
    bool was_closed() const noexcept { return before_.is_closed; }
    /// After a restart the gate is closed again.
    bool is_written() const noexcept { return is_written_; }

  private:
    void publish(const GateState& next) noexcept;

    bool is_made_ = false;
    bool is_written_ = false;
    std::uint32_t version_ = 0;
    GateState before_ = {};
};

/// Clears an expired lockdown of that version. Raises nothing.
void open_expired_gate(std::uint32_t version) noexcept;

/// The facts about a role that the gate decides by.
core::Login login_of(Oid role, core::Kind kind, const GateState& state);

/// The audit record of a change of the gate.
void log_gate(const char* action, const char* result, const GateState& state) noexcept;

} // namespace sessionctl::pg
