#include "pg/hba_file.hpp"

#include "pg/durable_file.hpp"
#include "pg/error.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace sessionctl::pg {

namespace {

constexpr char suffix[] = ".pg_sessionctl.tmp";

/// Of the file that the path leads to.
core::string resolved(const char* path) {
    char* const real = realpath(path, nullptr);
    if (real == nullptr)
        return path; // reading it tells why
    core::string result;
    try {
        result = real;
    } catch (...) {
        free(real);
        throw;
    }
    free(real);
    return result;
}

bool is_same(const struct stat& a, const struct stat& b) noexcept {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
           a.st_mtime == b.st_mtime && a.st_ctime == b.st_ctime;
}

/// The owner first: changing it takes some bits of the mode away.
const char* keep_owner_and_mode(int file, const struct stat& old) noexcept {
    struct stat own;
    if (fstat(file, &own) != 0)
        return "stat";
    if ((own.st_uid != old.st_uid || own.st_gid != old.st_gid) && fchown(file, old.st_uid, old.st_gid) != 0)
        return "keep the owner of";
    return fchmod(file, old.st_mode & 07777) != 0 ? "keep the mode of" : nullptr;
}

FileFailure write_beside(const HbaFile& read, std::string_view text) noexcept {
    const char* const path = read.beside.c_str();
    unlink(path); // of a crash
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0)
        return {"create", path, errno};
    if (const char* const what = keep_owner_and_mode(file, read.status)) {
        const int why = errno;
        close(file);
        return {what, read.target.c_str(), why};
    }
    if (!sync_and_close(file, write_all(file, text.data(), text.size())))
        return {"write", path, errno};
    return {};
}

FileFailure rename_over(const HbaFile& read) noexcept {
    struct stat now;
    const char* const target = read.target.c_str();
    if (stat(target, &now) != 0)
        return {"stat", target, errno};
    if (!is_same(now, read.status))
        return {"replace", target, EAGAIN};
    if (rename(read.beside.c_str(), target) != 0)
        return {"replace", target, errno};
    return {};
}

} // namespace

int read_whole(const char* path, core::string& text, struct stat& status) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    text.clear();
    ssize_t got = 0;
    int why = 0;
    char piece[8192];
    do {
        got = read_all(file, piece, sizeof piece);
        why = got < 0 ? errno : 0;
        try {
            text.append(piece, got > 0 ? static_cast<std::size_t>(got) : 0);
        } catch (...) {
            close(file);
            throw;
        }
    } while (got == static_cast<ssize_t>(sizeof piece));
    if (why == 0 && fstat(file, &status) != 0)
        why = errno;
    close(file);
    return why;
}

HbaFile read_hba_file() {
    HbaFile read;
    read.file.path = call([] { return HbaFileName; });
    read.target = resolved(read.file.path.c_str());
    const std::size_t slash = read.target.rfind('/');
    read.directory = slash != core::string::npos ? read.target.substr(0, slash + 1) : core::string(".");
    read.beside = read.target;
    read.beside.append(suffix);
    const char* const path = read.target.c_str();
    const int why = read_whole(path, read.file.text, read.status);
    if (why != 0)
        call([=] {
            errno = why;
            ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
        });
    return read;
}

FileFailure replace_hba_file(const HbaFile& read, std::string_view text) noexcept {
    FileFailure failure = write_beside(read, text);
    if (failure.what == nullptr)
        failure = rename_over(read);
    if (failure.what != nullptr)
        unlink(read.beside.c_str());
    else if (!sync_directory(read.directory.c_str()))
        failure = {"sync the directory of", read.target.c_str(), errno, true};
    return failure;
}

} // namespace sessionctl::pg
