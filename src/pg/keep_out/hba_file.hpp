// pg_hba.conf on disk: read as it is, replaced as a whole.
#pragma once

#include "core/keep_out/hba_lines.hpp"
#include "pg/durable_file.hpp"

namespace sessionctl::pg {

/// Text of a file. 0, or the errno of what failed.
int read_whole(const char* path, core::string& text, struct stat& status);

struct HbaFile {
    core::hba::File file;   // the path is what hba_file says: relative names in it count from there
    core::string target;    // the file itself, where that is a symbolic link
    core::string directory; // of that
    core::string beside;    // where the new text is written first
    core::string old;       // what was there before the lockdown, kept as long as that lasts
    struct stat status;
};

/// The file that the server reads. Errors: those of the file.
HbaFile read_hba_file();

/// Puts this text in its place, with its owner and mode, as long as it still is the file that was read: else
/// the failure is EAGAIN. The one that was read is kept. What fails leaves the old file as it was, and none
/// beside it. A crash leaves the one or the other. Raises nothing, as all of these.
FileFailure replace_hba_file(const HbaFile& read, std::string_view text) noexcept;

/// The same for a text that was in the file before. Needs no space as long as the file that was kept is
/// there: it is that text, or has room for it. With `keeps_old` one is kept in any case, else none. Throws
/// bad_alloc.
FileFailure restore_hba_file(const HbaFile& now, std::string_view text, bool keeps_old);

/// Of a crash, or of a lockdown that somebody has taken out of the file by hand.
void remove_hba_leftovers(const HbaFile& read) noexcept;

/// What was done outlives a crash of the machine.
FileFailure sync_hba_file(const HbaFile& read) noexcept;

} // namespace sessionctl::pg
