// The temporary files of queries: how large they are, and whose.
#pragma once

#include "pg/sessions/roster.hpp"

#include <optional>

#include <sys/stat.h>

namespace sessionctl::pg {

/// Of the sessions on a roster that its viewer may see, from one pass over the directories of all
/// tablespaces.
class TemporaryFiles {
  public:
    /// Errors: PgError (a cancel).
    explicit TemporaryFiles(const Roster& roster);
    /// In bytes. None if the session may not be seen, or the system does not tell.
    std::optional<std::int64_t> size_of(const core::Identity& session) noexcept;

  private:
    struct Owner {
        core::Identity session;
        std::int64_t size;
    };

    Owner* find(std::int32_t pid) noexcept;
    void add_directory(const char* path);
    void add_entry(int directory, const char* name, Owner& owner);
    void add_shared_files(int parent, const char* path, Owner& owner);
    static void add_file(const struct stat& status, Owner& owner) noexcept;

    core::vector<Owner> owners_; // by pid, as the roster is
    bool is_complete_ = true;
};

} // namespace sessionctl::pg
