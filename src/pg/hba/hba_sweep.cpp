#include "pg/hba/hba_sweep.hpp"

#include "pg/error.hpp"
#include "pg/logins/pending_logins.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/signals.hpp"

#include <csignal>
#include <cstdlib>

#include <dirent.h>

namespace sessionctl::pg {

namespace {

/// The time from a login's process title to its entry in the process array, on a busy machine.
constexpr core::Timestamp longest_way_into_array = 50 * core::microseconds_per_millisecond;

struct Process {
    bool is_there;
    int parent;
    std::uint64_t start; // in the system's clock ticks
};

Process process_of(std::int32_t pid) noexcept {
    char path[64];
    char stat[1024];
    Process process = {};
    char state = 0;
    unsigned long long start = 0;
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (read_small_file(path, stat, sizeof stat) <= 0)
        return process;
    const char* const name_end = std::strrchr(stat, ')');
    if (name_end == nullptr ||
        std::sscanf(name_end + 1,
                    " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state,
                    &process.parent, &start) != 3)
        return process;
    process.is_there = state != 'Z' && state != 'X';
    process.start = start;
    return process;
}

/// A backend sets its process title when it has the client's startup packet; until then it has the
/// postmaster's title, as every other child has for a moment.
bool has_own_title(std::int32_t pid) noexcept {
    const auto title_of = [](std::int32_t process, char(&title)[2048]) {
        char path[64];
        std::snprintf(path, sizeof path, "/proc/%d/cmdline", process);
        const ssize_t length = read_small_file(path, title, sizeof title);
        return std::string_view(title, length > 0 ? static_cast<std::size_t>(length) : 0);
    };
    char own[2048];
    char postmaster[2048];
    return title_of(pid, own) != title_of(PostmasterPid, postmaster);
}

/// Empty if the system has no /proc.
core::vector<std::int32_t> children_of_postmaster() {
    core::vector<std::int32_t> children;
    DIR* const directory = opendir("/proc");
    if (directory == nullptr)
        return children;
    try {
        while (const dirent* const entry = readdir(directory)) {
            const int pid = std::atoi(entry->d_name);
            if (pid > 0 && pid != MyProcPid && process_of(pid).parent == PostmasterPid)
                children.push_back(pid);
        }
    } catch (...) {
        closedir(directory);
        throw;
    }
    closedir(directory);
    return children;
}

const PendingLogin* find(const core::vector<PendingLogin>& processes, std::int32_t pid) noexcept {
    const auto found = std::find_if(processes.begin(), processes.end(),
                                    [pid](const PendingLogin& each) { return each.pid == pid; });
    return found != processes.end() ? &*found : nullptr;
}

} // namespace

HbaSweep::HbaSweep(const GateState& state, const char* reason, core::Timestamp timeout)
    : ServerSweep(state, reason), began_(monotonic_now()), timeout_(timeout) {
    core::vector<std::int32_t> pids = children_of_postmaster();
    for (const PendingLogin& each : client_processes())
        if (!contains(pids, each.pid))
            pids.push_back(each.pid);
    for (const std::int32_t pid : pids)
        children_.push_back({pid, process_of(pid).start});
}

int HbaSweep::look() {
    const core::vector<PendingLogin> processes = client_processes();
    // A session that enters the session table after this is taken for a pending login, and ended as one.
    const core::vector<std::int32_t> listed = listed_pids();
    collect_roles(listed);
    const auto rest = std::remove_if(children_.begin(), children_.end(),
                                     [&](const Child& child) { return !is_open(child, listed, processes); });
    children_.erase(rest, children_.end());
    return static_cast<int>(children_.size());
}

bool HbaSweep::is_still(std::int32_t pid) {
    return std::any_of(children_.begin(), children_.end(), [pid](const Child& child) {
        return child.pid == pid && process_of(pid).start == child.start;
    });
}

bool HbaSweep::is_open(const Child& child, const core::vector<std::int32_t>& listed,
                       const core::vector<PendingLogin>& processes) {
    const ArrayMember member = array_member(child.pid);
    const PendingLogin* const process = find(processes, child.pid);
    if (!member.is_there &&
        (child.start == 0 || process_of(child.pid).start != child.start || !process_of(child.pid).is_there))
        return false;
    if (std::binary_search(listed.begin(), listed.end(), child.pid))
        return false;
    // A background worker, or a login that has entered the array since.
    if (member.is_there && process == nullptr)
        return find(client_processes(), child.pid) != nullptr;
    // On some processors the role of the process before it may be seen there for a moment.
    if (OidIsValid(member.role) && process->role != member.role)
        return true;
    if (OidIsValid(member.role))
        return is_refused(member.role) && !is_settled(*process, member.role);
    // A child that never enters the array but has a title is an auxiliary process: the logger, say.
    const core::Timestamp now = monotonic_now();
    if (!member.is_there && has_own_title(child.pid))
        return now < began_ + longest_way_into_array;
    if (now < began_ + timeout_)
        return true;
    Signaller signaller;
    if (signaller.pin(child.pid) && is_still(child.pid) && !OidIsValid(array_member(child.pid).role))
        signaller.send(SIGTERM);
    return true;
}

/// Ends the login, unless it is for physical replication. False if that is not known yet.
bool HbaSweep::is_settled(const PendingLogin& process, Oid role) {
    const std::optional<bool> is_login = logs_in_to_database(process);
    if (state().include_replication || (is_login && *is_login))
        return end(process.pid, role);
    if (!is_login)
        return monotonic_now() >= began_ + timeout_;
    return true;
}

void HbaSweep::collect_roles(const core::vector<std::int32_t>& listed) {
    for (const std::int32_t pid : listed) {
        const ArrayMember member = array_member(pid);
        if (pid != MyProcPid && OidIsValid(member.role))
            is_refused(member.role);
    }
}

} // namespace sessionctl::pg
