// Texts that are passed between databases: in shared memory, in a file, in a shared catalog. The reading
// database may have another encoding than the writing one. Characters are converted, or replaced where that
// is not possible (core/shown_text.hpp); no text causes an ERROR.
//
// SQL_ASCII is not an encoding: its texts are taken as UTF-8 if they are valid UTF-8, and a database with it
// shows only the ASCII part of texts from other databases.
//
// Names of roles and databases are bytes of unknown encoding: that of the database where they were created.
// They are taken as the encoding wanted if they are valid in it.
#pragma once

#include "compat/postgres.hpp"
#include "core/shown_text.hpp"

namespace sessionctl::pg {

/// The database's encoding; SQL_ASCII in a process without a database.
int own_encoding() noexcept;
core::Characters own_characters() noexcept;
core::Characters characters_of(int encoding) noexcept;

/// A name for an error message, quoted and on one line. Needs no destructor.
class ShownName : public core::OneLine<4 * NAMEDATALEN> {
  public:
    explicit ShownName(const char* name) noexcept : OneLine(name, own_characters()) {}
};
/// The same for any text.
core::string one_line(const char* text);

/// Converts between two encodings.
core::string converted(std::string_view text, int from, int to);
/// Converts to the database's encoding.
core::string shown_text(std::string_view text, int encoding);
core::string shown_utf8(std::string_view text);
/// A copy in the current memory context.
const char* c_string(const core::string& text);
/// shown_text() as a C string; null for null.
const char* shown_or_null(const char* text, int encoding);
/// Converts to UTF-8: a text of this database, or the name of a role or a database.
core::string kept_text(const char* text);
core::string kept_name(const char* name);
/// The same into a buffer, cut at the end of a character.
void keep(char* target, std::size_t size, const core::string& utf8) noexcept;
template <std::size_t size>
void keep(char (&target)[size], const core::string& utf8) noexcept {
    keep(target, size, utf8);
}

/// Copies a text of this encoding, cut at the end of a character if it is too long.
void copy_clipped(char* target, std::size_t size, std::string_view text,
                  const core::Characters& characters) noexcept;

/// The text itself, or a copy with invalid bytes replaced, so that it can be shown.
const char* readable(const char* text);

/// Of this database; of the current one if it does not exist.
int encoding_of(Oid database);

/// Quoted for use in SQL. The identifier is quoted only if needed.
core::string sql_literal(const char* text);
core::string sql_identifier(const char* name);

} // namespace sessionctl::pg
