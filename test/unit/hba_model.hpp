// A second reading of pg_hba.conf, after core's check_hba(): which rule decides about a login. It shares no
// code with the one under test.
#pragma once

#include "core/hba/hba.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sessionctl::test {

/// A made-up server: its roles with the groups that each is in (itself not told), and its files.
struct HbaWorld final : core::hba::Server {
    std::map<std::string, std::set<std::string>> roles;
    std::map<std::string, std::string> files;

    bool is_member(std::string_view role, std::string_view group) override;
    core::vector<core::string> members_of(std::string_view group) override;
    bool matches(std::string_view role, std::string_view pattern) override;
    std::optional<core::hba::File> read(std::string_view name, std::string_view outer) override;
    std::optional<core::vector<core::hba::File>> read_directory(std::string_view name,
                                                                std::string_view outer) override;
};

struct HbaLogin {
    bool local;
    bool ssl;
    std::string address;
    std::string database;
    std::string role;
    bool physical; // replication without a database
};

struct HbaWord {
    std::string text;
    bool quoted;
};
using HbaFields = std::vector<std::vector<HbaWord>>;

/// The file as the server of that version splits it, with all it includes.
std::vector<HbaFields> hba_fields(const std::string& text, HbaWorld& world, int version, int depth = 0);

/// The connection type, address, method and options of the first rule that matches; empty where none does.
std::string hba_decision(const std::vector<HbaFields>& rules, const HbaLogin& login, HbaWorld& world,
                         int version);

bool hba_rejects(const std::string& decision);

/// Null, or what is wrong with what lock() makes of a text: unlock() does not restore it, or one of the
/// logins is decided otherwise than it must be.
const char* violated_by_lock(const std::string& text, const core::hba::Lockdown& lockdown, int version,
                             HbaWorld& world, const std::vector<HbaLogin>& logins);

/// A world and logins with all that is odd in names, and violated_by_lock() for it; `choice` chooses the
/// version and the options.
const char* violated_by_lock(const std::string& text, unsigned choice, unsigned login_seed);
HbaWorld odd_world();

} // namespace sessionctl::test
