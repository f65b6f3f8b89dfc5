// The rules of pg_hba.conf, in the order in which the server tries them, with those of the files that it
// includes.
#pragma once

#include "core/hba/hba_lines.hpp"

#include <optional>
#include <string_view>

namespace sessionctl::core::hba {

/// What the text of pg_hba.conf leaves to the server: pg/ has the real one, the unit tests a made-up one.
class Server {
  public:
    /// As core's is_member_of_role_nosuper: directly or not, every role of itself, and a superuser only of
    /// what was granted to it. False where there is no such role.
    virtual bool is_member(std::string_view role, std::string_view group) = 0;
    /// Every role that is_member() of it, at least those that can log in; empty where there is no such role.
    virtual vector<string> members_of(std::string_view group) = 0;
    /// By the server's own regular expressions (16+): an advanced one, in the C collation.
    virtual bool matches(std::string_view role, std::string_view pattern) = 0;
    /// A relative name counts from the directory of `outer`. Null where there is no such file; may throw
    /// where it can't be read.
    virtual std::optional<File> read(std::string_view name, std::string_view outer) = 0;
    /// The *.conf files of a directory, in the order in which include_dir reads them.
    virtual std::optional<vector<File>> read_directory(std::string_view name, std::string_view outer) = 0;

  protected:
    ~Server() = default;
};

struct Rule {
    string type;      // local, host, hostssl ...
    string databases; // as written
    string rest;      // address, mask, method and options, as written
    vector<Token> roles;
    bool only_replication; // no database can match, only the keyword replication
    string path;           // where it stands, for messages
    int line;
};

/// Errors: F0000 where the server would refuse the file for the form of a line (methods, addresses and
/// options are not looked at), or where a file that matters can't be read.
vector<Rule> rules_of(const File& file, const Dialect& dialect, Server& server);

} // namespace sessionctl::core::hba
