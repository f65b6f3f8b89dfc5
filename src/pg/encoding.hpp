// Texts that cross from one database to another: in shared memory, in a file, in a shared catalog. The
// database that shows one may have another encoding than the one that it was written in. What can be shown is
// converted, what can't is replaced (core/shown_text.hpp), and nothing here is an ERROR for what a text
// holds.
//
// SQL_ASCII is no encoding: what comes from there is taken for UTF-8 as far as it is that, and there only
// ASCII is shown of what another database wrote.
//
// Names of roles and databases are bytes of no known encoding: whoever made them had his own. What is wanted
// is what they are, if they are that.
#pragma once

#include "compat/postgres.hpp"
#include "core/shown_text.hpp"

namespace sessionctl::pg {

/// Of the database; SQL_ASCII in a process without one.
int own_encoding() noexcept;
core::Characters own_characters() noexcept;
core::Characters characters_of(int encoding) noexcept;

/// For a message that leaves this process in a database: a name between quotes, on one line. Without a
/// destructor.
class ShownName : public core::OneLine<4 * NAMEDATALEN> {
  public:
    explicit ShownName(const char* name) noexcept : OneLine(name, own_characters()) {}
};
/// The same of any text.
core::string one_line(const char* text);

/// From one encoding into another.
core::string converted(std::string_view text, int from, int to);
/// Into the database's.
core::string shown_text(std::string_view text, int encoding);
core::string shown_utf8(std::string_view text);
/// In the memory of our own objects, without being one.
const char* c_string(const core::string& text);
/// shown_text() as that; null for null.
const char* shown_or_null(const char* text, int encoding);
/// A text of the database's, or the name of a role or a database, to be kept.
core::string kept_text(const char* text);
core::string kept_name(const char* name);
/// The same into a buffer, cut between two characters.
void keep(char* target, std::size_t size, const core::string& utf8) noexcept;
template <std::size_t size>
void keep(char (&target)[size], const core::string& utf8) noexcept {
    keep(target, size, utf8);
}

/// Copies a text of this encoding, cut between two characters if it is too long.
void copy_clipped(char* target, std::size_t size, std::string_view text,
                  const core::Characters& characters) noexcept;

/// The text itself, or a copy with what no character is replaced: whatever it is, it can be shown.
const char* readable(const char* text);

/// Of a database; the own one's where there is no such database.
int encoding_of(Oid database);

/// SQL to be pasted. The identifier is quoted where it must be.
core::string sql_literal(const char* text);
core::string sql_identifier(const char* name);

} // namespace sessionctl::pg
