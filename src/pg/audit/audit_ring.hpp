// The last sessions acted on, in shared memory, kept in a file over a clean restart.
#pragma once

#include "core/memory.hpp"
#include "pg/audit/audit_record.hpp"

namespace sessionctl::pg {

struct AuditRing {
    std::int32_t capacity;
    std::int64_t written; // total count; the last `capacity` of them are here
    AuditRecord records[FLEXIBLE_ARRAY_MEMBER];

    static Size size(int capacity);

    /// Does nothing if the library is not preloaded.
    static void append(const AuditRecord& record) noexcept;
    /// Oldest first. Errors: 55000 if the library is not preloaded.
    static core::vector<AuditRecord> read();

    /// Reads the file. If it is incomplete or from another version, sets it aside with a WARNING.
    void load();
    /// For on_shmem_exit: writes the file after a clean shutdown.
    static void save_at_exit(int code, Datum) noexcept;
};

} // namespace sessionctl::pg
