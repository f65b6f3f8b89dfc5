// The last sessions acted on, in shared memory, kept in a file over a clean restart.
#pragma once

#include "core/memory.hpp"
#include "pg/account/audit_record.hpp"

namespace sessionctl::pg {

struct AuditRing {
    std::int32_t capacity;
    std::int64_t written; // ever; the last `capacity` of them are here
    AuditRecord records[FLEXIBLE_ARRAY_MEMBER];

    static Size size(int capacity);

    /// Does nothing where the library is not preloaded.
    static void append(const AuditRecord& record) noexcept;
    /// Oldest first. Errors: 55000 where the library is not preloaded.
    static core::vector<AuditRecord> read();

    /// What the file has. A file that is not whole, or from another version, is set aside with a WARNING.
    void load();
    /// For on_shmem_exit: writes the file after a clean shutdown.
    static void save_at_exit(int code, Datum) noexcept;
};

} // namespace sessionctl::pg
