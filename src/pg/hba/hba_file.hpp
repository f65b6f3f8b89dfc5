// pg_hba.conf on disk: read and replaced as a whole.
#pragma once

#include "core/hba/hba_lines.hpp"
#include "pg/durable_file.hpp"

namespace sessionctl::pg {

/// Reads a file. Returns 0, or errno.
int read_whole(const char* path, core::string& text, struct stat& status);

struct HbaFile {
    core::hba::File file;   // the path is that of hba_file: relative names in it are relative to that
    core::string target;    // the file itself, if that is a symbolic link
    core::string directory; // of the target
    core::string beside;    // the new text is written here first
    core::string old;       // the file from before the lockdown, kept as long as that lasts
    struct stat status;
};

/// The file that the server reads. Errors: those of the file.
HbaFile read_hba_file();

/// Replaces the file by this text, with the same owner and mode, and keeps the old one. If the file is not
/// the one that was read any more, the failure is EAGAIN. A failure leaves the old file unchanged, and no
/// other file; a crash leaves the old or the new one. None of these functions raises an error.
FileFailure replace_hba_file(const HbaFile& read, std::string_view text) noexcept;

/// The same for a text that was in the file before. Needs no space as long as the kept file is there: it has
/// that text, or can be overwritten. With `keeps_old` a file is kept in any case, else none. Throws
/// bad_alloc.
FileFailure restore_hba_file(const HbaFile& now, std::string_view text, bool keeps_old);

/// The files left by a crash, or by a lockdown that was removed from the file by hand.
void remove_hba_leftovers(const HbaFile& read) noexcept;

/// Makes the change durable against a crash of the machine.
FileFailure sync_hba_file(const HbaFile& read) noexcept;

} // namespace sessionctl::pg
