#include "pg/hba/hba_file.hpp"

#include "pg/error.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace sessionctl::pg {

namespace {

constexpr char beside_suffix[] = ".pg_sessionctl.tmp";
constexpr char old_suffix[] = ".pg_sessionctl.old";

/// The file itself, if the path is a symbolic link.
core::string resolved(const char* path) {
    char* const real = realpath(path, nullptr);
    if (real == nullptr)
        return path; // reading it will report the error
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

FileFailure refuse_changed(const HbaFile& read) noexcept {
    struct stat now;
    const char* const target = read.target.c_str();
    if (stat(target, &now) != 0)
        return {"stat", target, errno};
    return is_same(now, read.status) ? FileFailure{} : FileFailure{"replace", target, EAGAIN};
}

FileFailure rename_over(const core::string& from, const HbaFile& read) noexcept {
    FileFailure failure = refuse_changed(read);
    if (failure.what == nullptr && rename(from.c_str(), read.target.c_str()) != 0)
        failure = {"replace", read.target.c_str(), errno};
    return failure;
}

/// Opens the kept file, unless it is the current one. -1: there is none.
int open_old(const HbaFile& now, int flags, struct stat& status) noexcept {
    const int file = open(now.old.c_str(), flags | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return -1;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        (status.st_dev != now.status.st_dev || status.st_ino != now.status.st_ino))
        return file;
    close(file);
    return -1;
}

/// The kept file has this text already; gives it the current file's owner and mode.
bool is_old_text(const HbaFile& now, std::string_view text) {
    core::string old;
    struct stat status;
    if (read_whole(now.old.c_str(), old, status) != 0 || std::string_view(old) != text)
        return false;
    const int file = open_old(now, O_RDONLY, status);
    if (file < 0)
        return false;
    const bool is_alike = set_owner_and_mode(file, now.status) == nullptr;
    close(file);
    return is_alike;
}

/// Overwrites the kept file, which needs no new space; no process reads it there.
bool write_over_old(const HbaFile& now, std::string_view text) noexcept {
    struct stat status;
    const int file = open_old(now, O_WRONLY, status);
    if (file < 0)
        return false;
    const bool is_written = status.st_nlink == 1 && set_owner_and_mode(file, now.status) == nullptr &&
                            write_all(file, text.data(), text.size()) &&
                            ftruncate(file, static_cast<off_t>(text.size())) == 0;
    return sync_and_close(file, is_written);
}

/// With `keeps_old` the file that is replaced is kept instead.
FileFailure rename_old_over(const HbaFile& now, bool keeps_old) noexcept {
    const char* const target = now.target.c_str();
    const char* const beside = now.beside.c_str();
    FileFailure failure = refuse_changed(now);
    if (failure.what != nullptr)
        return failure;
    const char* const old = now.old.c_str();
    if (keeps_old && exchange_files(old, target))
        return {};
    unlink(beside);
    const bool is_kept = keeps_old && link(target, beside) == 0;
    if (rename(old, target) != 0)
        return {"replace", target, errno};
    if (is_kept)
        rename(beside, old);
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
    read.beside.append(beside_suffix);
    read.old = read.target;
    read.old.append(old_suffix);
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
    const char* const target = read.target.c_str();
    // The write that needs space comes first.
    FileFailure failure = write_new_file(read.beside.c_str(), text, &read.status);
    if (failure.what == nullptr)
        failure = refuse_changed(read);
    if (failure.what == nullptr)
        failure = keep_file(target, read.old.c_str(), read.file.text, &read.status);
    if (failure.what == nullptr && rename(read.beside.c_str(), target) != 0) {
        failure = {"replace", target, errno};
        unlink(read.old.c_str());
    }
    if (failure.what != nullptr)
        unlink(read.beside.c_str());
    return failure;
}

FileFailure restore_hba_file(const HbaFile& now, std::string_view text, bool keeps_old) {
    FileFailure failure = {};
    if (is_old_text(now, text)) {
        failure = rename_old_over(now, keeps_old);
    } else {
        failure = write_new_file(now.beside.c_str(), text, &now.status);
        if (failure.what == nullptr)
            failure = rename_over(now.beside, now);
        else if (write_over_old(now, text))
            failure = rename_old_over(now, keeps_old);
    }
    unlink(now.beside.c_str()); // left by a failure
    if (failure.what == nullptr && !keeps_old)
        unlink(now.old.c_str());
    return failure;
}

void remove_hba_leftovers(const HbaFile& read) noexcept {
    unlink(read.beside.c_str());
    unlink(read.old.c_str());
}

FileFailure sync_hba_file(const HbaFile& read) noexcept {
    return sync_directory(read.directory.c_str())
               ? FileFailure{}
               : FileFailure{"sync the directory of", read.target.c_str(), errno};
}

} // namespace sessionctl::pg
