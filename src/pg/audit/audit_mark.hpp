// The mark of this start of the server: random digits in each audit line. Any user can have a text of their
// own written into the server log, but not one with the mark: only roles that may read session_audit can see
// it.
//
// With the library preloaded, the mark is in shared memory. Otherwise it is in a file, together with the
// start time of the server, so that a later start gets another one.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

struct AuditMark {
    static constexpr std::size_t size = 33;

    char text[size]; // 32 hexadecimal digits

    /// Generates a new one. Raises a PostgreSQL ERROR if the system has no random bytes.
    void renew();
};

/// The server's mark. Raises PgError if it can be neither read nor generated.
const char* audit_mark();
/// For lines that have to be written in any case: "none" if there is no mark.
const char* audit_mark_or_none() noexcept;

} // namespace sessionctl::pg
