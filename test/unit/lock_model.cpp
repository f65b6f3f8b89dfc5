#include "lock_model.hpp"

#include <algorithm>
#include <random>

namespace sessionctl::test {

namespace {

core::LockModes bits(std::initializer_list<int> modes) {
    core::LockModes mask = 0;
    for (const int mode : modes)
        mask |= 1u << mode;
    return mask;
}

bool is_same(const core::Party& a, const core::Party& b) {
    return a.pid == b.pid && a.xid == b.xid;
}

/// Those in the way of the waiter at this place.
std::set<core::Party> in_the_way(const ModelLock& lock, std::size_t place, Rules rules) {
    const ModelLock::Claim& waiter = lock.queue[place];
    const core::LockModes conflicts = conflicts_of(waiter.wanted);
    std::set<core::Party> found;
    const auto consider = [&](const ModelLock::Claim& other, bool stands_before) {
        if (is_same(other.party, waiter.party))
            return;
        const bool asks_before = stands_before && (conflicts & (1u << other.wanted)) != 0;
        if ((other.held & conflicts) != 0 || (asks_before && rules == Rules::all))
            found.insert(other.party);
    };
    for (std::size_t i = 0; i < lock.queue.size(); ++i)
        consider(lock.queue[i], i < place);
    for (const ModelLock::Claim& holder : lock.holders)
        consider(holder, false);
    return found;
}

} // namespace

core::LockModes conflicts_of(int mode) {
    switch (mode) { // the table in the documentation's chapter on explicit locking
    case access_share:
        return bits({access_exclusive});
    case row_share:
        return bits({exclusive, access_exclusive});
    case row_exclusive:
        return bits({share, share_row, exclusive, access_exclusive});
    case share_update:
        return bits({share_update, share, share_row, exclusive, access_exclusive});
    case share:
        return bits({row_exclusive, share_update, share_row, exclusive, access_exclusive});
    case share_row:
        return bits({row_exclusive, share_update, share, share_row, exclusive, access_exclusive});
    case exclusive:
        return bits({row_share, row_exclusive, share_update, share, share_row, exclusive, access_exclusive});
    case access_exclusive:
        return bits({access_share, row_share, row_exclusive, share_update, share, share_row, exclusive,
                     access_exclusive});
    default:
        return 0;
    }
}

core::WaitGraph graph_of(const Model& model, std::vector<core::ParallelWorker> workers) {
    core::WaitGraph::ProcLocks proclocks;
    int number = 0;
    for (const ModelLock& lock : model) {
        for (int place = static_cast<int>(lock.queue.size()) - 1; place >= 0; --place) {
            const ModelLock::Claim& claim = lock.queue[place];
            proclocks.push_back(
                {claim.party, number, place, claim.wanted, claim.held, conflicts_of(claim.wanted), 0});
        }
        for (const ModelLock::Claim& claim : lock.holders)
            proclocks.push_back({claim.party, number, -1, 0, claim.held, 0, 0});
        number += lock.queue.empty() && lock.holders.empty() ? 0 : 1;
    }
    return core::WaitGraph(std::move(proclocks),
                           core::vector<core::ParallelWorker>(workers.begin(), workers.end()));
}

Blockers blockers_in(const Model& model, Rules rules) {
    Blockers blockers;
    for (const ModelLock& lock : model)
        for (std::size_t place = 0; place < lock.queue.size(); ++place)
            for (const core::Party& party : in_the_way(lock, place, rules))
                blockers[lock.queue[place].party].insert(party);
    return blockers;
}

Blockers all_blockers_in(const Model& model, Rules rules) {
    const Blockers direct = blockers_in(model, rules);
    Blockers all;
    for (const auto& [waiter, first] : direct) {
        std::vector<core::Party> next(first.begin(), first.end());
        while (!next.empty()) {
            const core::Party party = next.back();
            next.pop_back();
            if (!all[waiter].insert(party).second)
                continue;
            const auto more = direct.find(party);
            if (more != direct.end())
                next.insert(next.end(), more->second.begin(), more->second.end());
        }
        all[waiter].erase(waiter);
    }
    return all;
}

Model without(const Model& model, const std::set<core::Party>& ended) {
    Model left = model;
    for (ModelLock& lock : left)
        for (auto* const claims : {&lock.queue, &lock.holders})
            claims->erase(std::remove_if(claims->begin(), claims->end(),
                                         [&](const auto& claim) { return ended.count(claim.party) > 0; }),
                          claims->end());
    return left;
}

Model random_model(unsigned seed, int sessions, int locks) {
    std::mt19937 random(seed);
    const auto below = [&random](int bound) { return static_cast<int>(random() % bound); };
    Model model(1 + below(locks));
    for (int pid = 1; pid <= sessions; ++pid) {
        const core::Party party =
            below(8) == 0 ? session(1 + below(pid)) : session(pid); // sometimes a group's
        const int home = below(3 * static_cast<int>(model.size()));
        for (int lock = 0; lock < static_cast<int>(model.size()); ++lock) {
            const core::LockModes held = below(3) == 0 ? 1u << (1 + below(8)) | 1u << (1 + below(8)) : 0;
            if (lock == home)
                model[lock].queue.insert(model[lock].queue.begin() + below(model[lock].queue.size() + 1),
                                         wants(party, 1 + below(8), held));
            else if (held != 0)
                model[lock].holders.push_back({below(9) == 0 ? prepared(100 + pid) : party, none, held});
        }
    }
    return model;
}

} // namespace sessionctl::test
