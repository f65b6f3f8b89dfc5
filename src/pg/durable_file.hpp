// Files that are whole after a crash: written beside, synced, renamed, and the directory synced. Nothing here
// raises an error; what fails tells by errno.
#pragma once

#include "pg/postgres.hpp"

#include <sys/types.h>

namespace sessionctl::pg {

bool write_all(int file, const char* text, std::size_t length) noexcept;

/// What was written before reaches the disk, if it was written. Closed in any case.
bool sync_and_close(int file, bool is_written) noexcept;

/// True, too, where a directory can't be synced: there is nothing to do about it.
bool sync_directory(const char* path) noexcept;

/// As much as there is, `size` at most; -1 where it fails.
ssize_t read_all(int file, char* buffer, std::size_t size) noexcept;

} // namespace sessionctl::pg
