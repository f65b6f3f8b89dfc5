// The waits of the lock table at one moment, by the server's own rules. A request is blocked by every holder
// of a conflicting lock (hard), and by every conflicting request further up the queue (soft); members of one
// lock group never block each other.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/session.hpp"

#include <cstdint>

namespace sessionctl::core {

/// A lock holder or waiter: a session (in a parallel query its leader, for the whole lock group), or a
/// prepared transaction.
struct Party {
    std::int32_t pid;  // 0: a prepared transaction
    std::uint32_t xid; // of a prepared transaction; else 0

    bool is_prepared() const noexcept { return pid == 0; }
    bool operator==(const Party& other) const noexcept { return pid == other.pid && xid == other.xid; }
    bool operator<(const Party& other) const noexcept {
        return pid != other.pid ? pid < other.pid : xid < other.xid;
    }
};

/// Lock modes as bits: mode n is bit n.
using LockModes = std::uint32_t;

/// In the place of a mode: it waits for the other processes themselves, not for a lock.
constexpr int no_lock = 31;

/// What one process holds of one lock, and waits for.
struct ProcLock {
    Party party;
    std::int32_t lock;   // its number among the locks with waiters
    std::int32_t place;  // in the queue, from 0; -1: it does not wait
    std::int32_t wanted; // mode; 0: it does not wait
    LockModes held;
    LockModes conflicts; // of the mode wanted
    Timestamp since;     // of the wait; 0: not known
    // Before 14, its newest subtransaction that changes something: the next attempt of an EXCEPTION block has
    // another one. 0: none.
    std::uint32_t attempt = 0;
};

/// A parallel worker and its leader.
struct ParallelWorker {
    std::int32_t pid;
    std::int32_t leader;
};

/// Blocks by a lock that it holds.
inline bool is_hard_block(const ProcLock& waiter, const ProcLock& other) noexcept {
    return (waiter.conflicts & other.held) != 0 && !(waiter.party == other.party);
}
/// Blocks by its request.
inline bool is_soft_block(const ProcLock& waiter, const ProcLock& other) noexcept {
    return other.wanted != 0 && other.place < waiter.place && (waiter.conflicts >> other.wanted & 1) != 0 &&
           !(waiter.party == other.party);
}
inline bool is_block(const ProcLock& waiter, const ProcLock& other) noexcept {
    return is_hard_block(waiter, other) || is_soft_block(waiter, other);
}

/// The parties are numbered in their order, from 0.
class WaitGraph {
  public:
    using ProcLocks = vector<ProcLock>;

    /// ProcLocks come lock by lock, the waiters first, from the end of the queue to its front.
    WaitGraph(ProcLocks proclocks, vector<ParallelWorker> workers);

    int count() const noexcept { return static_cast<int>(parties_.size()); }
    const Party& party(int number) const { return parties_[number]; }
    const ProcLocks& proclocks() const noexcept { return proclocks_; }
    /// The party of this proclock, which is one of proclocks().
    int owner(const ProcLock& proclock) const noexcept {
        return owners_.data()[&proclock - proclocks_.data()];
    }
    /// The party of this process; -1: it neither waits nor blocks.
    int find(std::int32_t pid) const noexcept;
    int find(const Party& party) const noexcept;

    /// Its direct blockers, each once, in their order.
    vector<int> blockers_of(int party) const;
    /// Its waiters, direct or not, in their order.
    vector<int> behind(int party) const;
    int waiting_behind(int party) const;
    /// The parties to terminate so that its wait ends, in their order; never this party itself. On each path
    /// from waiter to blocker it is the nearest one that is only queued before the other: whatever that one
    /// waits for blocks the others no more. Where everyone on the path holds what the next one wants, it is
    /// the root, which waits for no other (of a cycle that waits for nobody outside, the member nearest to
    /// this party). Parties that go on by themselves when those roots end are not listed: a queue for one row
    /// is such a case.
    vector<int> blockers_to_end(int party) const;
    /// By proclock: how many sessions further down its queue are blocked by requests alone, this one among
    /// them, and by no lock that is held.
    vector<int> blocked_by_request() const;

    /// All pairs of a waiting proclock of one party and another proclock in the same lock; for each, those
    /// further up the queue come first, the nearest at their head.
    class Pairs {
      public:
        Pairs(const WaitGraph& graph, int party);
        /// False when there are no more.
        bool next() {
            while (others_left_ == 0)
                if (!next_waiter())
                    return false;
            --others_left_;
            // Once around the lock's proclocks, beginning behind the waiter's own.
            if (++other_ == end_)
                other_ = first_;
            return true;
        }
        const ProcLock& waiter() const noexcept { return *waiter_; }
        const ProcLock& other() const noexcept { return *other_; }

      private:
        bool next_waiter();

        const WaitGraph* graph_;
        int next_own_; // in by_owner_
        int end_own_;
        int others_left_ = 0; // in its lock, not yet seen
        const ProcLock* waiter_ = nullptr;
        const ProcLock* other_ = nullptr;
        const ProcLock* first_ = nullptr; // of its lock
        const ProcLock* end_ = nullptr;
    };

    /// All proclocks of one party.
    template <typename Visit>
    void each_proclock(int party, Visit&& visit) const {
        for (int i = first_proclock_[party]; i < first_proclock_[party + 1]; ++i)
            visit(proclocks_[by_owner_[i]]);
    }
    /// All waiters for this proclock's lock.
    template <typename Visit>
    void each_waiter(const ProcLock& proclock, Visit&& visit) const {
        for (int i = first_of_lock_[proclock.lock];
             i < first_of_lock_[proclock.lock + 1] && proclocks_[i].wanted != 0; ++i)
            visit(proclocks_[i]);
    }

  private:
    /// Which components wait for which, directly or not: parties that wait for each other are one component.
    struct Closure {
        vector<int> component;     // by party
        vector<int> size;          // by component
        vector<std::uint64_t> row; // by component, a bit for each that it waits for
        vector<int> behind;        // by component, how many wait behind its members

        std::size_t words() const noexcept { return (size.size() + 63) / 64; }
        bool waits(int component, int other) const {
            return (row[component * words() + other / 64] >> (other % 64) & 1) != 0;
        }
        bool waits_for_nobody_else(int component) const noexcept;
        void add(int component, int other) noexcept;
        void count();
    };

    /// Direct blockers, each once, in their order.
    struct Blockers {
        vector<int> holders; // of the lock
        vector<int> queued;  // only further up the queue
    };
    Blockers holders_and_queued(int party) const;
    vector<int> roots_over_holders(int party, vector<int>& queued) const;
    bool is_held_by_others(const ProcLock& waiter) const noexcept;

    void number_parties();
    void index_proclocks();
    const Closure& closure() const;

    ProcLocks proclocks_;
    vector<ParallelWorker> workers_;
    vector<Party> parties_;
    vector<int> owners_;         // by proclock
    vector<int> first_of_lock_;  // by lock, and one more
    vector<int> by_owner_;       // proclocks
    vector<int> first_proclock_; // by party, and one more, in by_owner_
    mutable Closure closure_;    // computed when somebody asks
};

/// Adds a wait that is for no lock, under a number that no lock has.
void add_non_lock_wait(WaitGraph::ProcLocks& proclocks, int number, std::int32_t waiter,
                       const vector<int>& blockers);

void sort_once_each(vector<int>& numbers);

} // namespace sessionctl::core
