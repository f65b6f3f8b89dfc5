#include "pg/sessions/temporary_files.hpp"

#include "core/sessions/resource_use.hpp"
#include "pg/error.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "common/relpath.h"
#include "miscadmin.h"
}

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sessionctl::pg {

namespace {

class OpenDirectory {
  public:
    OpenDirectory(int parent, const char* path) noexcept {
        const int descriptor = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor >= 0 && (entries_ = fdopendir(descriptor)) == nullptr)
            close(descriptor);
    }
    ~OpenDirectory() {
        if (entries_ != nullptr)
            closedir(entries_);
    }
    OpenDirectory(const OpenDirectory&) = delete;
    OpenDirectory& operator=(const OpenDirectory&) = delete;

    bool is_open() const noexcept { return entries_ != nullptr; }
    int descriptor() const noexcept { return dirfd(entries_); }
    /// Null at the end. Errors: PgError (a cancel).
    const char* next() {
        call([] { CHECK_FOR_INTERRUPTS(); });
        const dirent* const entry = readdir(entries_);
        return entry != nullptr ? entry->d_name : nullptr;
    }

  private:
    DIR* entries_ = nullptr;
};

/// Modified before that session began: a crash leaves files behind, and pids are reused. A file's time is in
/// whole seconds, and lags a little behind the clock.
bool is_of_earlier_process(const struct stat& file, const core::Identity& session) noexcept {
    constexpr core::Timestamp tolerance = 2 * core::microseconds_per_second;
    const core::Timestamp modified =
        (file.st_mtime - core::unix_epoch_of_timestamp) * core::microseconds_per_second;
    return modified + tolerance < session.start;
}

} // namespace

TemporaryFiles::TemporaryFiles(const Roster& roster) {
    for (const RosterEntry& entry : roster.entries)
        if (entry.role_facts.is_visible)
            owners_.push_back({entry.facts.id, 0});
    add_directory("base/pgsql_tmp");
    OpenDirectory tablespaces(AT_FDCWD, "pg_tblspc");
    is_complete_ &= tablespaces.is_open();
    while (const char* const name = tablespaces.is_open() ? tablespaces.next() : nullptr) {
        char path[MAXPGPATH];
        std::snprintf(path, sizeof path, "pg_tblspc/%s/%s/pgsql_tmp", name, TABLESPACE_VERSION_DIRECTORY);
        if (name[0] != '.')
            add_directory(path);
    }
}

std::optional<std::int64_t> TemporaryFiles::size_of(const core::Identity& session) noexcept {
    const Owner* const owner = find(session.pid);
    if (!is_complete_ || owner == nullptr)
        return {};
    return owner->size;
}

TemporaryFiles::Owner* TemporaryFiles::find(std::int32_t pid) noexcept {
    Owner* const end = owners_.data() + owners_.size();
    Owner* const found =
        std::lower_bound(owners_.data(), end, pid,
                         [](const Owner& owner, std::int32_t wanted) { return owner.session.pid < wanted; });
    return found != end && found->session.pid == pid ? found : nullptr;
}

/// One that is not there has no files: a tablespace gets it with the first.
void TemporaryFiles::add_directory(const char* path) {
    OpenDirectory directory(AT_FDCWD, path);
    if (!directory.is_open()) {
        is_complete_ &= errno == ENOENT;
        return;
    }
    while (const char* const name = directory.next()) {
        const auto creator = core::creator_of_temporary_file(name);
        if (Owner* const owner = creator ? find(*creator) : nullptr)
            add_entry(directory.descriptor(), name, *owner);
    }
}

/// A file, or a directory of files that parallel processes share.
void TemporaryFiles::add_entry(int directory, const char* name, Owner& owner) {
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return; // deleted meanwhile
    if (S_ISDIR(status.st_mode))
        add_shared_files(directory, name, owner);
    else
        add_file(status, owner);
}

void TemporaryFiles::add_shared_files(int parent, const char* path, Owner& owner) {
    OpenDirectory directory(parent, path);
    if (!directory.is_open()) {
        is_complete_ &= errno == ENOENT;
        return;
    }
    while (const char* const name = directory.next()) {
        struct stat status;
        if (fstatat(directory.descriptor(), name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            add_file(status, owner);
    }
}

void TemporaryFiles::add_file(const struct stat& status, Owner& owner) noexcept {
    if (S_ISREG(status.st_mode) && !is_of_earlier_process(status, owner.session))
        owner.size += status.st_size;
}

} // namespace sessionctl::pg
