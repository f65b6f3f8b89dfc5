// Texts in shared memory that are read before a login has a database, and in every database: UTF-8.
#pragma once

#include "pg/postgres.hpp"

namespace sessionctl::pg {

/// From the database's encoding. What is too long is cut at the end of a character.
void keep_utf8(char* target, std::size_t size, const char* text);
template <std::size_t size>
void keep_utf8(char (&target)[size], const char* text) {
    keep_utf8(target, size, text);
}

/// In place, into the database's encoding, or what of it is ASCII.
void convert_utf8(char* text, std::size_t size);
template <std::size_t size>
void convert_utf8(char (&text)[size]) {
    convert_utf8(text, size);
}

} // namespace sessionctl::pg
