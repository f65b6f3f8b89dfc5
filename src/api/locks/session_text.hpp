// What a line of text tells of one session: who it is, its state, its query.
#pragma once

#include "core/memory.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::api {

/// Readable on one line of a terminal.
core::string clean_line(const char* text);

/// The format has one %ld.
void append_number(core::string& line, const char* format, long number);
void append_age(core::string& line, core::Timestamp age);
/// Each may be null.
void append_user(core::string& line, const char* role, const char* database);
void append_who(core::string& line, const pg::RosterEntry& entry);
/// The state, and since when.
void append_state(core::string& line, const pg::RosterEntry& entry, core::Timestamp now);
/// Its lock priority, unless that is the usual one.
void append_priority(core::string& line, const pg::RosterEntry& entry);
/// How long a session that has waited for a lock since then (0: not known) will go on before those in its way
/// are due to give way.
void append_patience(core::string& line, const pg::RosterEntry& entry, core::Timestamp waiting_since,
                     core::Timestamp now);
/// How long a session that waits for the lock of a table will keep others waiting.
void append_yield(core::string& line, const pg::RosterEntry& entry);
/// Its beginning.
void append_query(core::string& line, const pg::RosterEntry& entry);

} // namespace sessionctl::api
