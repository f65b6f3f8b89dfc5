#include "pg/blocking.hpp"

#include "pg/error.hpp"

namespace sessionctl::pg {

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
            const ArrayType* const blockers = compat::blocking_pids(pid);
            const auto* const pids = reinterpret_cast<const int32*>(ARR_DATA_PTR(blockers));
            const int count = ARR_NDIM(blockers) == 0 ? 0 : ARR_DIMS(blockers)[0];
            for (int i = 0; i < count; ++i)
                graph->edges_.push_back({view.leader_pid != 0 ? view.leader_pid : pid, pids[i]});
        }
    });
    return graph;
}

int WaitGraph::waiting_behind(int pid) const {
    core::vector<int> reached;
    reached.push_back(pid);
    for (std::size_t next = 0; next < reached.size(); ++next)
        for (const Edge& edge : edges_)
            if (edge.blocker == reached[next] &&
                std::find(reached.begin(), reached.end(), edge.waiter) == reached.end())
                reached.push_back(edge.waiter);
    return static_cast<int>(reached.size()) - 1;
}

} // namespace sessionctl::pg
