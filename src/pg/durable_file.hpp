// Files that are complete after a crash: written under another name, synced, renamed, and the directory
// synced. Nothing here raises an error; failures are in errno.
#pragma once

#include "compat/postgres.hpp"

#include <string_view>

#include <sys/stat.h>
#include <sys/types.h>

namespace sessionctl::pg {

bool write_all(int file, const char* text, std::size_t length) noexcept;

/// Syncs the file if it was written completely. Closes it in any case.
bool sync_and_close(int file, bool is_written) noexcept;

/// True, too, if the system can't sync directories.
bool sync_directory(const char* path) noexcept;

/// Reads to the end of the file, at most `size` bytes; -1 on failure.
ssize_t read_all(int file, char* buffer, std::size_t size) noexcept;

/// What could not be done to which file; null: no failure.
struct FileFailure {
    const char* what;
    const char* path;
    int why; // errno
};

/// Sets the owner first: changing it clears some bits of the mode. Returns null, or what could not be done
/// (errno).
const char* set_owner_and_mode(int file, const struct stat& wanted) noexcept;

/// Creates a file with this text, synced, with the owner and mode of `like` (null: readable only by its
/// owner). Replaces an existing file; after a failure there is none.
FileFailure write_new_file(const char* path, std::string_view text, const struct stat* like) noexcept;

/// Makes a hard link to the file, so that a rename restores it without needing space. Without hard links: a
/// copy with this text. Replaces an existing file.
FileFailure keep_file(const char* path, const char* kept, std::string_view text,
                      const struct stat* like) noexcept;

/// Exchanges the names of two files atomically and without needing space. False if the system can't.
bool exchange_files(const char* one, const char* other) noexcept;

} // namespace sessionctl::pg
