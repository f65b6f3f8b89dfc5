// One audit line in the server log: key=value pairs, with the mark of this start of the server.
#pragma once

#include "compat/postgres.hpp"
#include "core/text.hpp"

namespace sessionctl::pg {

/// Decides which bytes are control characters.
core::Encoding server_encoding() noexcept;

/// A reason given by a caller, in one line and cut to this many bytes.
constexpr std::size_t longest_reason = 500;
core::string kept_reason(const char* reason);

class LogLine {
  public:
    /// A value that needs no quotes; null is NULL.
    void add(const char* key, const char* value);
    void add(const char* key, std::int32_t number);
    /// A value that a user wrote.
    void add_quoted(const char* key, const char* value);
    /// The pairs of another line.
    void add_all(const char* pairs);
    /// With blanks between them; none at the beginning.
    const char* pairs() const noexcept { return text_.empty() ? "" : text_.c_str() + 1; }
    /// Writes to the server log only; raises PgError.
    void write() const;

  private:
    core::string text_;
};

} // namespace sessionctl::pg
