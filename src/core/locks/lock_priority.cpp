#include "core/locks/lock_priority.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sessionctl::core {

const char* lock_priority_name(LockPriority priority) noexcept {
    switch (priority) {
    case LockPriority::low:
        return "low";
    case LockPriority::normal:
        return "normal";
    case LockPriority::high:
        return "high";
    }
    return "";
}

const char* obstacle_text(Obstacle obstacle) noexcept {
    switch (obstacle) {
    case Obstacle::none:
        return "";
    case Obstacle::cycle:
        return "they wait for each other";
    case Obstacle::lock_kind:
        return "it holds a lock of a kind that nobody is ended for";
    case Obstacle::prepared:
        return "it is a prepared transaction";
    case Obstacle::no_client:
        return "it is no client's session";
    case Obstacle::not_lower:
        return "it has no lower lock priority";
    case Obstacle::exempt:
        return "it is exempt";
    case Obstacle::not_permitted:
        return "the role that waits may not signal it";
    case Obstacle::setter_not_permitted:
        return "the role that set blocker_patience or blocker_action there may not signal it";
    case Obstacle::no_transaction:
        return "it is not known to be in a transaction";
    case Obstacle::no_statement:
        return "it runs no statement that could be cancelled";
    case Obstacle::awaits_standby:
        return "its commit waits for a synchronous standby";
    case Obstacle::commits:
        return "it commits";
    }
    return "";
}

bool has_lower_priority(const LockSettings& waiter, const Standing& blocker) noexcept {
    return blocker.priority && *blocker.priority < waiter.priority;
}

Obstacle obstacle_of(const LockSettings& waiter, const Standing& blocker) noexcept {
    const Session& session = blocker.session;
    if (session.kind != Kind::client || !blocker.priority)
        return Obstacle::no_client;
    if (!has_lower_priority(waiter, blocker))
        return Obstacle::not_lower;
    if (session.is_protected)
        return Obstacle::exempt;
    if (!session.may_signal)
        return Obstacle::not_permitted;
    if (!blocker.setters_may_signal)
        return Obstacle::setter_not_permitted;
    if (session.state == State::idle || (session.xact_start == 0 && !is_idle_in_transaction(session.state)))
        return Obstacle::no_transaction;
    if (waiter.action == BlockerAction::cancel && !blocker.runs_statement)
        return Obstacle::no_statement;
    if (blocker.awaits_standby)
        return Obstacle::awaits_standby;
    return blocker.is_in_commit ? Obstacle::commits : Obstacle::none;
}

namespace {

constexpr WaitStart since_ever = {INT64_MIN, INT64_MIN};

WaitStart later_of(const WaitStart& a, const WaitStart& b) noexcept {
    return a.monotonic > b.monotonic ? a : b;
}

class Search {
  public:
    Search(const WaitGraph& graph, int waiter, const LockSettings& settings, BlockerFacts& facts)
        : graph_(graph), waiter_(waiter), settings_(settings), facts_(facts), is_seen_(graph.count(), false),
          edge_to_(graph.count(), -1) {
        is_seen_[waiter] = true;
    }

    vector<Blocker> run() {
        vector<Step> steps(1, Step{waiter_, since_ever});
        for (std::size_t next = 0; next < steps.size(); ++next)
            for (const Edge& edge : edges_from(steps[next]))
                if (goes_on_from(edge, steps[next]))
                    steps.push_back({edge.blocker, edge.since});
        if (std::any_of(found_.begin(), found_.end(), stays))
            std::copy_if(passed_.begin(), passed_.end(), std::back_inserter(found_),
                         [](const Blocker& each) { return is_exception(each.obstacle); });
        return std::move(found_);
    }

  private:
    /// Reached by the search: in the waiter's way.
    struct Step {
        int party;
        WaitStart since;
    };
    /// From a waiting party to one of its blockers.
    struct Edge {
        int blocker;
        bool is_hard;
        bool is_acted_on;
        WaitStart since;
    };

    static bool stays(const Blocker& blocker) noexcept { return blocker.obstacle != Obstacle::none; }

    vector<Edge> edges_from(const Step& step) {
        vector<Edge> edges;
        const ProcLock* waiter = nullptr;
        bool is_acted_on = false;
        WaitStart since = {};
        for (WaitGraph::Pairs pairs(graph_, step.party); pairs.next();) {
            if (std::exchange(waiter, &pairs.waiter()) != &pairs.waiter()) {
                is_acted_on = facts_.is_acted_on(*waiter);
                since = later_of(step.since, facts_.start_of(*waiter));
            }
            if (!is_block(*waiter, pairs.other()))
                continue;
            Edge& edge = edge_to(graph_.owner(pairs.other()), edges);
            edge.is_hard |= is_hard_block(*waiter, pairs.other());
            edge.is_acted_on &= is_acted_on;
            edge.since = later_of(edge.since, since);
        }
        for (const Edge& edge : edges)
            edge_to_[edge.blocker] = -1;
        return edges;
    }

    /// One for each blocker of the same step.
    Edge& edge_to(int blocker, vector<Edge>& edges) {
        if (edge_to_[blocker] < 0) {
            edge_to_[blocker] = static_cast<int>(edges.size());
            edges.push_back({blocker, false, true, since_ever});
        }
        return edges[edge_to_[blocker]];
    }

    /// Notes what the edge leads to; true if the search has to go on behind it.
    bool goes_on_from(const Edge& edge, const Step& step) {
        if (edge.blocker == waiter_) {
            found_.push_back({step.party,
                              {graph_.party(step.party).pid, 0},
                              false,
                              0,
                              edge.since.monotonic,
                              Obstacle::cycle});
            return false;
        }
        if (is_seen_[edge.blocker])
            return false;
        is_seen_[edge.blocker] = true;
        const std::optional<Blocker> blocker = blocker_at(edge);
        if (!blocker)
            return false;
        const bool is_passed = stays(*blocker) && edge.is_hard && edge.is_acted_on && waits(edge.blocker);
        (is_passed ? passed_ : found_).push_back(*blocker);
        return is_passed;
    }

    std::optional<Blocker> blocker_at(const Edge& edge) {
        const Party& party = graph_.party(edge.blocker);
        if (party.is_prepared())
            return Blocker{edge.blocker, {0, party.xid}, false, 0, edge.since.monotonic, Obstacle::prepared};
        const std::optional<Standing> standing = facts_.standing_of(edge.blocker);
        if (!standing)
            return std::nullopt;
        const Session& session = standing->session;
        const Obstacle obstacle = edge.is_acted_on ? obstacle_of(settings_, *standing) : Obstacle::lock_kind;
        const Timestamp since = session.xact_start > edge.since.wall ? 0 : edge.since.monotonic;
        return Blocker{edge.blocker,       session.id, standing->runs_statement,
                       session.xact_start, since,      obstacle};
    }

    bool waits(int party) const {
        for (WaitGraph::Pairs pairs(graph_, party); pairs.next();)
            if (is_block(pairs.waiter(), pairs.other()))
                return true;
        return false;
    }

    const WaitGraph& graph_;
    const int waiter_;
    const LockSettings& settings_;
    BlockerFacts& facts_;
    vector<bool> is_seen_;
    vector<int> edge_to_; // by party, in the edges of the present step; -1: none
    vector<Blocker> found_;
    vector<Blocker> passed_; // stay, and wait themselves
};

} // namespace

vector<Blocker> blockers_to_give_way(const WaitGraph& graph, int waiter, const LockSettings& settings,
                                     BlockerFacts& facts) {
    return Search(graph, waiter, settings, facts).run();
}

vector<Blocker> nearest_blocker(const WaitGraph& graph, int waiter, Timestamp since) {
    vector<Blocker> found;
    for (WaitGraph::Pairs pairs(graph, waiter); found.empty() && pairs.next();)
        if (is_block(pairs.waiter(), pairs.other())) {
            const int blocker = graph.owner(pairs.other());
            const Party& party = graph.party(blocker);
            found.push_back({blocker, {party.pid, party.xid}, false, 0, since, Obstacle::lock_kind});
        }
    return found;
}

} // namespace sessionctl::core
