#include "pg/blocking.hpp"

#include "pg/error.hpp"

namespace sessionctl::pg {

namespace {

struct ByBlocker {
    template <typename Edge>
    bool operator()(const Edge& a, const Edge& b) const noexcept {
        return a.blocker < b.blocker;
    }
};

using Visited = boost::container::flat_set<int, std::less<int>, core::Allocator<int>>;

} // namespace

WaitGraph* WaitGraph::take() {
    auto* const graph = new (core::allocate(sizeof(WaitGraph))) WaitGraph;
    call([graph] {
        const compat::StatusArray table = compat::status_array();
        for (int slot = 0; slot < table.count; ++slot) {
            const auto& entry = const_cast<const PgBackendStatus&>(table.entries[slot]);
            const int pid = entry.st_procpid;
            if (pid <= 0)
                continue;
            const compat::ProcView view = compat::proc_view(slot, entry);
            if (!view.waits_for_lock)
                continue;
            CHECK_FOR_INTERRUPTS();
            const ArrayType* const blockers = compat::blocking_pids(pid);
            const auto* const pids = reinterpret_cast<const int32*>(ARR_DATA_PTR(blockers));
            const int count = ARR_NDIM(blockers) == 0 ? 0 : ARR_DIMS(blockers)[0];
            for (int i = 0; i < count; ++i)
                graph->edges_.push_back({view.leader_pid != 0 ? view.leader_pid : pid, pids[i]});
        }
    });
    std::sort(graph->edges_.begin(), graph->edges_.end(), ByBlocker());
    return graph;
}

int WaitGraph::waiting_behind(int pid) const {
    call([] { CHECK_FOR_INTERRUPTS(); });
    core::vector<int> reached;
    Visited visited;
    reached.push_back(pid);
    visited.insert(pid);
    for (std::size_t next = 0; next < reached.size(); ++next) {
        const auto range =
            std::equal_range(edges_.begin(), edges_.end(), Edge{0, reached[next]}, ByBlocker());
        for (auto edge = range.first; edge != range.second; ++edge)
            if (visited.insert(edge->waiter).second)
                reached.push_back(edge->waiter);
    }
    return static_cast<int>(reached.size()) - 1;
}

} // namespace sessionctl::pg
