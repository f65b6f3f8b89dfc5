// What the sessions on a roster use of the machine.
#pragma once

#include "pg/sessions/roster.hpp"
#include "pg/sessions/temporary_files.hpp"

#include <optional>

namespace sessionctl::pg {

enum class Resource { memory, cpu_time, bytes_read, bytes_written, temporary_files };
constexpr int resources = 5;

/// For how long, since it began, this process was ready to run and others did. 0 where the system does not
/// tell.
core::Timestamp wait_for_processor(int pid) noexcept;

/// Each figure is read when it is first asked for, and once: whoever compares two of them compares the same
/// ones. Lives in the memory context that was current when it was made.
class ResourceUse {
  public:
    explicit ResourceUse(const Roster& roster) noexcept : roster_(roster), memory_(CurrentMemoryContext) {}

    const Roster& roster() const noexcept { return roster_; }
    /// In bytes or microseconds, of the session and of the parallel workers that work for it. None for a
    /// parallel worker, for a session that has ended or that the roster's viewer may not see, and where the
    /// system does not tell. Errors: PgError.
    std::optional<std::int64_t> of(const RosterEntry& session, Resource resource);

  private:
    struct Figure {
        bool is_read;
        std::optional<std::int64_t> value;
    };

    const core::vector<const RosterEntry*>& workers_by_leader();
    std::optional<std::int64_t> read(const RosterEntry& session, Resource resource);
    std::optional<std::int64_t> read_alone(const RosterEntry& process, Resource resource);

    const Roster& roster_;
    const MemoryContext memory_;
    core::vector<Figure> figures_[resources]; // in the order of the roster
    std::optional<core::vector<const RosterEntry*>> workers_by_leader_;
    std::optional<TemporaryFiles> files_;
};

} // namespace sessionctl::pg
