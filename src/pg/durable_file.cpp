#include "pg/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

extern "C" {
#include "storage/fd.h"
}

namespace sessionctl::pg {

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

bool sync_and_close(int file, bool is_written) noexcept {
    const bool is_synced = is_written && pg_fsync(file) == 0;
    const int why = errno;
    if (close(file) == 0 && is_synced)
        return true;
    errno = is_synced ? errno : why;
    return false;
}

bool sync_directory(const char* path) noexcept {
    const int directory = open(path, O_RDONLY | O_CLOEXEC);
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

} // namespace sessionctl::pg
