// One line of key=value pairs in the server log: what the audit is written in.
#pragma once

#include "core/text.hpp"
#include "pg/postgres.hpp"

namespace sessionctl::pg {

/// What counts as a control character depends on it.
core::Encoding server_encoding() noexcept;

class LogLine {
  public:
    /// A value that needs no quotes; null is NULL.
    void add(const char* key, const char* value);
    /// A value that somebody else wrote.
    void add_quoted(const char* key, const char* value);
    /// To the server log alone; raises PgError.
    void write() const;

  private:
    core::string text_{"pg_sessionctl:"};
};

} // namespace sessionctl::pg
