// pg_hba.conf on disk: read as it is, replaced as a whole.
#pragma once

#include "core/hba_lines.hpp"
#include "pg/postgres.hpp"

#include <sys/stat.h>

namespace sessionctl::pg {

/// Text of a file. 0, or the errno of what failed.
int read_whole(const char* path, core::string& text, struct stat& status);

struct HbaFile {
    core::hba::File file;   // the path is what hba_file says: relative names in it count from there
    core::string target;    // the file itself, where that is a symbolic link
    core::string directory; // of that
    core::string beside;    // where the new text is written first
    struct stat status;
};

/// The file that the server reads. Errors: those of the file.
HbaFile read_hba_file();

/// What could not be done, and to which file; null: nothing.
struct FileFailure {
    const char* what;
    const char* path;
    int why;          // errno
    bool is_replaced; // but may not outlive a crash
};

/// Puts this text in its place, with its owner and mode, as long as it still is the file that was read: else
/// the failure is EAGAIN. What fails leaves the old file as it was, and none beside it. A crash leaves the
/// one or the other. Raises nothing.
FileFailure replace_hba_file(const HbaFile& read, std::string_view text) noexcept;

} // namespace sessionctl::pg
