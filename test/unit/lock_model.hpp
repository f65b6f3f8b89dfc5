// Locks as the tests write them down, and the server's rules once more, as slowly and plainly as they can be
// said.
#pragma once

#include "core/locks/wait_graph.hpp"

#include <map>
#include <set>
#include <vector>

namespace sessionctl::test {

/// Table lock modes, as the server numbers them.
enum Mode {
    none,
    access_share,
    row_share,
    row_exclusive,
    share_update,
    share,
    share_row,
    exclusive,
    access_exclusive
};

core::LockModes conflicts_of(int mode);

/// One lock: who holds what, and who waits, the first one first.
struct ModelLock {
    struct Claim {
        core::Party party;
        int wanted;
        core::LockModes held;
    };
    std::vector<Claim> queue;
    std::vector<Claim> holders;
};

using Model = std::vector<ModelLock>;

inline core::Party session(int pid) {
    return {pid, 0};
}
inline core::Party prepared(unsigned xid) {
    return {0, xid};
}
inline ModelLock::Claim wants(core::Party party, int mode, core::LockModes held = 0) {
    return {party, mode, held};
}
inline ModelLock::Claim holds(core::Party party, int mode) {
    return {party, none, 1u << mode};
}

/// One session wants what another has for itself.
inline ModelLock waits_for(int waiter, int holder) {
    return {{wants(session(waiter), exclusive)}, {holds(session(holder), exclusive)}};
}

core::WaitGraph graph_of(const Model& model, std::vector<core::ParallelWorker> workers = {});

using Blockers = std::map<core::Party, std::set<core::Party>>;

enum class Rules { all, holders_only };

/// Who waits for whom, directly.
Blockers blockers_in(const Model& model, Rules rules = Rules::all);
/// Direct or not: never itself.
Blockers all_blockers_in(const Model& model, Rules rules = Rules::all);

/// When these have ended.
Model without(const Model& model, const std::set<core::Party>& ended);

/// Up to so many sessions, each waiting at one lock at most; deterministic for a seed.
Model random_model(unsigned seed, int sessions, int locks);

} // namespace sessionctl::test
