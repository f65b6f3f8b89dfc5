// The roster: all server processes at one moment, with all that the SQL surface shows of them.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "core/sessions/session.hpp"

extern "C" {
#include "libpq/pqcomm.h"
}

namespace sessionctl::pg {

/// What is the same for all sessions of one role, seen by the caller.
struct RoleFacts {
    const char* name; // null: dropped meanwhile, or no role at all
    bool is_superuser;
    bool can_login;
    bool is_protected;
    bool is_visible;
    bool may_signal;
};

struct RosterEntry {
    core::Session facts;
    Oid database;
    const char* database_name; // null: none
    int encoding;              // of its database
    Oid role;
    RoleFacts role_facts;
    const char* application_name;
    const char* backend_type; // null: not known
    SockAddr client;
    const char* client_hostname;
    compat::ProcView proc;
    int64 query_id;
    const char* query;
};

struct Roster {
    TimestampTz taken_at;
    Oid viewer; // the role whose rights decide what is visible
    core::vector<RosterEntry> entries;

    /// Reads the live session table; names and rights as they are for the current user.
    static Roster take();
    /// The same of this one session; empty if it is gone.
    static Roster take_one(const core::Session& session);

    const RosterEntry* find(int pid) const noexcept;
    /// Of a process that is on it. Errors: XX000.
    const RosterEntry& at(int pid) const;

  private:
    static Roster take_slots(int first, int end);
};

/// While it lives, session_activity shows this roster and no other: so what a condition sees and what is
/// acted on are the same sessions.
class RosterInForce {
  public:
    explicit RosterInForce(const Roster& roster) noexcept;
    ~RosterInForce();
    RosterInForce(const RosterInForce&) = delete;
    RosterInForce& operator=(const RosterInForce&) = delete;

    /// Null outside of such a scope, and for another role (inside a function that changes it): that one sees
    /// its own.
    static const Roster* current() noexcept;

  private:
    const Roster* outer_;
};

} // namespace sessionctl::pg
