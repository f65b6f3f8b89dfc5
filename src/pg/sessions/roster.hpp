// The roster: all server processes at one moment, with everything that the SQL functions show of them.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "core/sessions/session.hpp"

extern "C" {
#include "libpq/pqcomm.h"
}

namespace sessionctl::pg {

/// Facts about a role, as seen by the caller; the same for all its sessions.
struct RoleFacts {
    const char* name; // null: dropped since, or no role
    bool is_superuser;
    bool can_login;
    bool is_protected;
    bool is_visible;
    bool may_signal;
};

struct RosterEntry {
    core::Session facts;
    core::Stamps shown; // what session_activity shows of its times
    Oid database;
    const char* database_name; // null: none
    int encoding;              // of its database
    Oid role;
    RoleFacts role_facts;
    const char* application_name;
    const char* backend_type; // null: not known
    SockAddr client;
    const char* client_hostname;
    LocalTransactionId transaction; // that the rest is of, or one before it; 0: none
    compat::ProcView proc;
    int64 query_id;
    const char* query;
};

struct Roster {
    TimestampTz taken_at;
    Oid viewer; // the role whose rights decide what is visible
    core::vector<RosterEntry> entries;

    /// Reads the live session table; names and rights are those for the current user.
    static Roster take();
    /// The same for one session; empty if it has ended.
    static Roster take_one(const core::Session& session);
    /// The same processes at the same moment, with the rights of the current user. The strings are shared.
    Roster seen_by_current_user() const;

    const RosterEntry* find(int pid) const noexcept;
    /// Of a process on the roster. Errors: XX000.
    const RosterEntry& at(int pid) const;

  private:
    static Roster take_slots(int first, int end);
};

} // namespace sessionctl::pg
