#include "pg/gate_file.hpp"

#include "pg/postgres.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "storage/fd.h"
}

namespace sessionctl::pg {

namespace {

constexpr char new_name[] = "pg_sessionctl.gate.new";

bool sync_and_close(int file, bool is_written) noexcept {
    const bool is_synced = is_written && pg_fsync(file) == 0;
    const int why = errno;
    if (close(file) == 0 && is_synced)
        return true;
    errno = is_synced ? errno : why;
    return false;
}

bool write_all(int file, const char* text, std::size_t length) noexcept {
    while (length > 0) {
        const ssize_t written = write(file, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return false;
        }
        text += written;
        length -= static_cast<std::size_t>(written);
    }
    return true;
}

bool write_beside(const core::GateFile& file) noexcept {
    const int beside = open(new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    return beside >= 0 && sync_and_close(beside, write_all(beside, file.text, file.length));
}

/// The data directory, which every process of the server works in. Where a directory can't be synced there
/// is nothing to do about it.
bool sync_directory() noexcept {
    const int directory = open(".", O_RDONLY | O_CLOEXEC);
    if (directory < 0)
        return errno == EISDIR || errno == EACCES;
    return sync_and_close(directory, true) || errno == EBADF || errno == EINVAL;
}

ssize_t read_all(int file, char* buffer, std::size_t size) noexcept {
    std::size_t length = 0;
    for (;;) {
        const ssize_t got = read(file, buffer + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : static_cast<ssize_t>(length);
        length += static_cast<std::size_t>(got);
    }
}

} // namespace

bool write_gate_file(const core::GateState& state) noexcept {
    const bool is_changed =
        state.is_closed ? write_beside(core::gate_file_of(state)) && rename(new_name, gate_file_name) == 0
                        : unlink(gate_file_name) == 0 || errno == ENOENT;
    return is_changed && sync_directory();
}

GateFileFound find_gate_file(core::GateState& state) noexcept {
    unlink(new_name); // of a crash before the rename
    const int file = open(gate_file_name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? GateFileFound::none : GateFileFound::damaged;
    char text[core::GateFile::largest];
    const ssize_t length = read_all(file, text, sizeof text);
    close(file);
    return length >= 0 && core::read_gate_file({text, static_cast<std::size_t>(length)}, state)
               ? GateFileFound::sound
               : GateFileFound::damaged;
}

} // namespace sessionctl::pg
