#include "pg/sessions/resource_use.hpp"

#include "core/sessions/resource_use.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/signals.hpp"

#include <unistd.h>

namespace sessionctl::pg {

namespace {

/// A file of /proc/<pid> is one line or a few.
struct ProcessFile {
    char text[1024];

    ProcessFile(int pid, const char* name) noexcept {
        char path[64];
        std::snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
        if (read_small_file(path, text, sizeof text) < 0)
            text[0] = '\0';
    }
};

std::optional<std::int64_t> times(std::optional<std::int64_t> count, std::int64_t unit) noexcept {
    return count ? *count * unit : count;
}

std::optional<std::int64_t> use_of_process(int pid, Resource resource) noexcept {
    switch (resource) {
    case Resource::memory:
        return times(core::private_pages(ProcessFile(pid, "statm").text), sysconf(_SC_PAGESIZE));
    case Resource::cpu_time:
        return times(core::cpu_ticks(ProcessFile(pid, "stat").text),
                     core::microseconds_per_second / sysconf(_SC_CLK_TCK));
    case Resource::bytes_read:
        return core::bytes_read(ProcessFile(pid, "io").text);
    case Resource::bytes_written:
        return core::bytes_written(ProcessFile(pid, "io").text);
    case Resource::temporary_files:
        break;
    }
    return {};
}

struct ByLeader {
    static int leader_of(const RosterEntry* worker) noexcept { return worker->proc.leader_pid; }
    static int leader_of(int pid) noexcept { return pid; }

    template <typename A, typename B>
    bool operator()(A a, B b) const noexcept {
        return leader_of(a) < leader_of(b);
    }
};

} // namespace

core::Timestamp wait_for_processor(int pid) noexcept {
    return core::wait_for_processor(ProcessFile(pid, "schedstat").text).value_or(0) / 1000;
}

std::optional<std::int64_t> ResourceUse::of(const RosterEntry& session, Resource resource) {
    if (!session.role_facts.is_visible || session.proc.leader_pid != 0)
        return {};
    const MemoryScope scope(memory_);
    core::vector<Figure>& figures = figures_[static_cast<int>(resource)];
    if (figures.empty())
        figures.resize(roster_.entries.size());
    Figure& figure = figures[&session - roster_.entries.data()];
    if (!figure.is_read)
        figure = {true, read(session, resource)};
    return figure.value;
}

const core::vector<const RosterEntry*>& ResourceUse::workers_by_leader() {
    if (!workers_by_leader_) {
        workers_by_leader_.emplace();
        for (const RosterEntry& entry : roster_.entries)
            if (entry.proc.leader_pid != 0)
                workers_by_leader_->push_back(&entry);
        std::sort(workers_by_leader_->begin(), workers_by_leader_->end(), ByLeader());
    }
    return *workers_by_leader_;
}

std::optional<std::int64_t> ResourceUse::read(const RosterEntry& session, Resource resource) {
    std::optional<std::int64_t> sum = read_alone(session, resource);
    if (!sum)
        return sum;
    const core::vector<const RosterEntry*>& all = workers_by_leader();
    const auto workers = std::equal_range(all.begin(), all.end(), session.facts.id.pid, ByLeader());
    std::for_each(workers.first, workers.second,
                  [&](const RosterEntry* worker) { *sum += read_alone(*worker, resource).value_or(0); });
    return sum;
}

/// A session that is still in the session table afterwards was alive when it was read: the figure is not that
/// of a later process with its pid.
std::optional<std::int64_t> ResourceUse::read_alone(const RosterEntry& process, Resource resource) {
    std::optional<std::int64_t> figure;
    if (resource != Resource::temporary_files) {
        figure = use_of_process(process.facts.id.pid, resource);
    } else {
        if (!files_)
            files_.emplace(roster_);
        figure = files_->size_of(process.facts.id);
    }
    return is_listed(process.facts) ? figure : std::nullopt;
}

} // namespace sessionctl::pg
