#include "pg/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

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

const char* set_owner_and_mode(int file, const struct stat& wanted) noexcept {
    struct stat own;
    if (fstat(file, &own) != 0)
        return "stat";
    if ((own.st_uid != wanted.st_uid || own.st_gid != wanted.st_gid) &&
        fchown(file, wanted.st_uid, wanted.st_gid) != 0)
        return "set the owner of";
    return fchmod(file, wanted.st_mode & 07777) != 0 ? "set the mode of" : nullptr;
}

FileFailure write_new_file(const char* path, std::string_view text, const struct stat* like) noexcept {
    unlink(path); // left by a crash
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0)
        return {"create", path, errno};
    const char* what = like != nullptr ? set_owner_and_mode(file, *like) : nullptr;
    int why = errno;
    if (!sync_and_close(file, what == nullptr && write_all(file, text.data(), text.size())) &&
        what == nullptr) {
        what = "write";
        why = errno;
    }
    if (what == nullptr)
        return {};
    unlink(path);
    return {what, path, why};
}

FileFailure keep_file(const char* path, const char* kept, std::string_view text,
                      const struct stat* like) noexcept {
    unlink(kept);
    return link(path, kept) == 0 ? FileFailure{} : write_new_file(kept, text, like);
}

bool exchange_files(const char* one, const char* other) noexcept {
#ifdef SYS_renameat2
    constexpr unsigned exchange = 1U << 1; // RENAME_EXCHANGE, whose name is newer in the C library
    return syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, exchange) == 0;
#else
    return false;
#endif
}

} // namespace sessionctl::pg
