// pg_hba.conf as lockdown_server(method => 'hba') writes it: a block at its top that admits the allowed
// roles and rejects the rest. Text in, text out; the caller has the server check it (pg_hba_file_rules, the
// reload, a probe login).
//
// The old text stays below the block, byte for byte. No connection to a database gets past the block's
// rejects. One for physical replication does: `all` does not mean it, so the old lines decide about it as
// before. (From 10 on logical replication connects to a database and needs its role in allow_roles; before,
// it is as physical.)
#pragma once

#include "core/hba/hba_mark.hpp"
#include "core/hba/hba_rules.hpp"

#include <optional>
#include <string_view>

namespace sessionctl::core::hba {

struct Lockdown {
    vector<string> superusers;  // all that can log in
    vector<string> allow_roles; // they and their members may log in, whatever include_superusers says
    bool include_superusers = false;
    bool include_replication = false;
    Mark mark;
    /// Empty, or the name of a role and a database that do not exist, probe_prefix at its beginning: the
    /// block asks for its password, so that a login in that name shows that the server has read the block.
    string probe;
};

constexpr char probe_prefix[] = "pg_sessionctl probe ";

struct Locked {
    string text;
    vector<string> left_out; // superusers and members whose names can't be written there: they are rejected
};

/// The same file with the block at its top: each rule narrowed to those of the allowed roles that it names
/// (by name, as memberships are at this moment: a member who is added later stays out), and the rejects.
/// Errors: 55000 it has a block, or nobody could log in though include_superusers is not given; F0000 the
/// block is damaged, the server would refuse the file, or something that it includes can't be read; 0A000 the
/// name of one of allow_roles, which was asked for by name, can't be written there, or a line would become
/// too long.
Locked lock(const File& file, const Lockdown& lockdown, const Dialect& dialect, Server& server);

/// The text without the block, whatever became of the rest meanwhile; null where there is none. Whatever was
/// written into the block is lost. Errors: F0000 it is damaged.
std::optional<string> unlock(std::string_view text);

/// Who locked it and why. Null where there is no block. Errors: F0000 it is damaged.
std::optional<Mark> mark_of(std::string_view text);

/// The name of the probe that the block knows. Null where there is none. Errors: F0000 it is damaged.
std::optional<string> probe_of(std::string_view text);

/// Errors: F0000 the block is damaged.
bool is_locked(std::string_view text);

} // namespace sessionctl::core::hba
