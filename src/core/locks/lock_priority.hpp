// Who gives way to whom: a session that has waited for a lock for as long as its patience lasts ends those
// in its way that have a lower lock priority.
#pragma once

#include "core/locks/wait_graph.hpp"
#include "core/locks/wait_starts.hpp"

#include <optional>

namespace sessionctl::core {

enum class LockPriority : std::int32_t { low, normal, high };
const char* lock_priority_name(LockPriority priority) noexcept;

/// What a session does about those in its way when its patience ends.
enum class BlockerAction : std::int32_t { log, cancel, terminate, escalate };

/// The parameters of a session for this, in the order in which they are kept in shared memory.
enum class LockSetting : std::uint8_t { priority, patience, action, yield_after };
constexpr int lock_setting_count = 4;

struct LockSettings {
    LockPriority priority = LockPriority::normal;
    std::int32_t patience = 0; // ms; 0: it waits without end
    BlockerAction action = BlockerAction::log;
    std::int32_t yield_after = 0; // ms; 0: it keeps others waiting without end
    // The roles (OIDs) that set these two in the session, and so need the right, too; 0: it came with them.
    std::uint32_t patience_by = 0;
    std::uint32_t action_by = 0;
};

/// A session or prepared transaction in the way of another, as that one finds it.
struct Standing {
    /// may_signal: the waiter's login role may; is_protected: it is exempt.
    Session session;
    std::optional<LockPriority> priority; // none: not known
    bool runs_statement = false;          // which a cancel would end
    bool awaits_standby = false;
    bool is_in_commit = false;      // that, or before it
    bool setters_may_signal = true; // who set the waiter's patience and action
};

/// Why a blocker is not ended.
enum class Obstacle : std::uint8_t {
    none,
    cycle,
    lock_kind,
    prepared,
    no_client,
    not_lower,
    exempt,
    not_permitted,
    setter_not_permitted,
    no_transaction,
    no_statement,
    awaits_standby,
    commits,
};
/// Is a right missing that somebody may have counted on?
constexpr bool is_denial(Obstacle obstacle) noexcept {
    return obstacle == Obstacle::not_permitted || obstacle == Obstacle::setter_not_permitted;
}
/// Does it go by itself in a moment? Then nobody is told of it.
constexpr bool is_passing(Obstacle obstacle) noexcept {
    return obstacle == Obstacle::commits;
}
/// Is it lower, and only a missing right or an exemption keeps it?
constexpr bool is_exception(Obstacle obstacle) noexcept {
    return is_denial(obstacle) || obstacle == Obstacle::exempt;
}
/// The rest of a sentence about it: "it has no lower lock priority".
const char* obstacle_text(Obstacle obstacle) noexcept;

/// Never for a prepared transaction.
Obstacle obstacle_of(const LockSettings& waiter, const Standing& blocker) noexcept;

/// The server as the search for blockers needs it.
class BlockerFacts {
  public:
    /// A lock of a relation, row or transaction: nobody is ended for others.
    virtual bool is_acted_on(const ProcLock& waiter) = 0;
    virtual WaitStart start_of(const ProcLock& waiter) = 0;
    /// Of a party that is a session; none: it has just ended.
    virtual std::optional<Standing> standing_of(int party) = 0;

  protected:
    ~BlockerFacts() = default;
};

struct Blocker {
    int party;
    Identity id; // of a prepared transaction: 0 and its XID
    bool runs_statement;
    Timestamp xact_start;
    Timestamp since; // at the latest, it has been in the way (monotonic); 0: not known
    Obstacle obstacle;
};

/// Those that have to go so that the wait of this party ends: of each path to its blockers the nearest one
/// that may be ended. Beyond one that stays, the search follows only those that hold what is wanted, since
/// these release it when they go on. If somebody at the end of a path stays, so does the wait, and then those
/// that were passed over and are an exception are obstacles, too.
vector<Blocker> blockers_to_give_way(const WaitGraph& graph, int waiter, const LockSettings& settings,
                                     BlockerFacts& facts);

/// For a wait for a lock of a kind that nobody is ended for: the nearest of those in its way, as the
/// obstacle; empty, if nobody is any more. No search, however many wait for that lock.
vector<Blocker> nearest_blocker(const WaitGraph& graph, int waiter, Timestamp since);

/// All else that is asked about a blocker can be left out where this is not so.
bool has_lower_priority(const LockSettings& waiter, const Standing& blocker) noexcept;

} // namespace sessionctl::core
