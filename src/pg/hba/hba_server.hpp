// The server's part in reading pg_hba.conf: catalogs, regular expressions and files.
#pragma once

#include "compat/postgres.hpp"
#include "core/hba/hba_rules.hpp"

namespace sessionctl::pg {

class HbaServer final : public core::hba::Server {
  public:
    /// Reads the current roles.
    HbaServer();

    /// Those that may log in.
    core::vector<core::string> superusers() const;

    bool is_member(std::string_view role, std::string_view group) override;
    core::vector<core::string> members_of(std::string_view group) override;
    /// Byte by byte, as the server does before a login has a database. Errors: F0000 if the pattern is
    /// invalid.
    bool matches(std::string_view role, std::string_view pattern) override;
    std::optional<core::hba::File> read(std::string_view name, std::string_view outer) override;
    std::optional<core::vector<core::hba::File>> read_directory(std::string_view name,
                                                                std::string_view outer) override;

  private:
    struct Role {
        core::string name;
        bool is_superuser;
        bool can_login;
    };
    core::vector<Role> roles_;
};

} // namespace sessionctl::pg
