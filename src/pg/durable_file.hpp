// Files that are whole after a crash: written beside, synced, renamed, and the directory synced. Nothing here
// raises an error; what fails tells by errno.
#pragma once

#include "compat/postgres.hpp"

#include <string_view>

#include <sys/stat.h>
#include <sys/types.h>

namespace sessionctl::pg {

bool write_all(int file, const char* text, std::size_t length) noexcept;

/// What was written before reaches the disk, if it was written. Closed in any case.
bool sync_and_close(int file, bool is_written) noexcept;

/// True, too, where a directory can't be synced: there is nothing to do about it.
bool sync_directory(const char* path) noexcept;

/// As much as there is, `size` at most; -1 where it fails.
ssize_t read_all(int file, char* buffer, std::size_t size) noexcept;

/// What could not be done, and to which file; null: nothing.
struct FileFailure {
    const char* what;
    const char* path;
    int why; // errno
};

/// The owner first: changing it takes some bits of the mode away. Null, or what could not be done (errno).
const char* set_owner_and_mode(int file, const struct stat& wanted) noexcept;

/// A file of this name with this text, synced, with the owner and mode of `like` (null: for its owner alone).
/// Whatever had the name is gone; what fails leaves none.
FileFailure write_new_file(const char* path, std::string_view text, const struct stat* like) noexcept;

/// A second name for the file, so that a rename brings it back without needing space. Where the file system
/// has no hard links: a copy, of this text. Whatever had the name is gone.
FileFailure keep_file(const char* path, const char* kept, std::string_view text,
                      const struct stat* like) noexcept;

/// Each gets the other's name, in one step and without needing space. False where the system can't.
bool exchange_files(const char* one, const char* other) noexcept;

} // namespace sessionctl::pg
