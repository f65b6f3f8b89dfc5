// One line of key=value pairs in the server log, with the mark of this start of the server: what the audit is
// written in.
#pragma once

#include "compat/postgres.hpp"
#include "core/text.hpp"

namespace sessionctl::pg {

/// What counts as a control character depends on it.
core::Encoding server_encoding() noexcept;

/// A reason that a caller gave, to be kept: in one line, and of so many bytes at most.
constexpr std::size_t longest_reason = 500;
core::string kept_reason(const char* reason);

class LogLine {
  public:
    /// A value that needs no quotes; null is NULL.
    void add(const char* key, const char* value);
    void add(const char* key, std::int32_t number);
    /// A value that somebody else wrote.
    void add_quoted(const char* key, const char* value);
    /// Those of another line.
    void add_all(const char* pairs);
    /// With blanks between them; none at the beginning.
    const char* pairs() const noexcept { return text_.empty() ? "" : text_.c_str() + 1; }
    /// To the server log alone; raises PgError.
    void write() const;

  private:
    core::string text_;
};

} // namespace sessionctl::pg
