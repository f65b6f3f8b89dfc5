// The mark of this start of the server: random digits in each line of the audit. Anybody can have a text of
// his own written into the server log, but not one with the mark: it is shown only to who may read
// session_audit.
//
// A server that preloads the library has it in shared memory. Any other has it in a file, together with the
// time at which the server was started, so that a later start has another one.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

struct AuditMark {
    static constexpr std::size_t size = 33;

    char text[size]; // 32 hexadecimal digits

    /// Another one. Raises a PostgreSQL ERROR where the system has no random bytes.
    void renew();
};

/// The server's mark. Raises PgError where it can be neither read nor made.
const char* audit_mark();
/// The same for who writes a line, which is written in any case: without a mark it is "none".
const char* audit_mark_or_none() noexcept;

} // namespace sessionctl::pg
