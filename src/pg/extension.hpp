// The extension as installed in this database.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// The version of this library: the control file's default_version.
const char* library_version() noexcept;

/// Is this object a part of the extension in this database? Inside pg::call.
bool is_of_extension(Oid catalog, Oid object);

/// Errors: 55000, with the command to run, if the SQL objects in this database were made by a script of
/// another version than this library. Looked up once in a transaction.
void require_matching_script();

} // namespace sessionctl::pg
