#include "pg/sessions/roster.hpp"

#include "core/error.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

using RoleCache =
    boost::container::flat_map<Oid, RoleFacts, std::less<Oid>, core::Allocator<std::pair<Oid, RoleFacts>>>;
struct DatabaseFacts {
    const char* name;
    int encoding;
};
using DatabaseCache = boost::container::flat_map<Oid, DatabaseFacts, std::less<Oid>,
                                                 core::Allocator<std::pair<Oid, DatabaseFacts>>>;

/// Buffers for the strings of one entry: in shared memory they may change while they are read.
struct Buffers {
    char application[NAMEDATALEN];
    char hostname[NAMEDATALEN];
    char* activity;
};

void copy_text(char* target, const char* text, std::size_t size) noexcept {
    const std::size_t length = text == nullptr ? 0 : strnlen(text, size - 1);
    std::memcpy(target, text, length);
    target[length] = '\0';
}

PgBackendStatus copy_entry(volatile PgBackendStatus& live, Buffers& buffers) {
    PgBackendStatus entry;
    read_consistently(live, [&](const PgBackendStatus& source) {
        std::memcpy(&entry, &source, sizeof entry);
        if (entry.st_procpid <= 0)
            return;
        copy_text(buffers.application, source.st_appname, NAMEDATALEN);
        copy_text(buffers.hostname, source.st_clienthostname, NAMEDATALEN);
        copy_text(buffers.activity, compat::activity_of(source), pgstat_track_activity_query_size);
    });
    entry.st_appname = buffers.application;
    entry.st_clienthostname = buffers.hostname;
    compat::set_activity(entry, buffers.activity);
    return entry;
}

RosterEntry entry_of(int slot, LocalTransactionId transaction, const PgBackendStatus& status) {
    RosterEntry entry = {};
    entry.transaction = transaction;
    entry.facts = session_of(slot, status);
    entry.shown = core::stamps_of(entry.facts);
    entry.database = status.st_databaseid;
    entry.role = status.st_userid;
    entry.application_name = pstrdup(status.st_appname);
    if (const char* const type = compat::backend_type_of(status, entry.facts.kind))
        entry.backend_type = pstrdup(type); // core reuses one buffer for background workers
    entry.client = status.st_clientaddr;
    entry.client_hostname = pstrdup(status.st_clienthostname);
    entry.proc = compat::proc_view(slot, status);
    entry.query_id = compat::query_id_of(status);
    entry.query = pstrdup(compat::activity_of(status));
    entry.encoding = own_encoding();
    return entry;
}

/// The query is in the encoding of the session's database.
void show_query(RosterEntry& entry) {
    if (core::is_ascii(entry.query))
        return;
    std::string_view query = entry.query;
    if (compat::is_cut_activity(entry.query))
        query = core::without_torn_end(query, characters_of(entry.encoding));
    entry.query = c_string(shown_text(query, entry.encoding));
}

/// Sorted by pid. If a process ended during the read and its pid was reused, the later entry is kept. An
/// entry is large, so each is moved only once.
core::vector<RosterEntry> in_order(const core::vector<RosterEntry>& entries) {
    core::vector<const RosterEntry*> order;
    order.reserve(entries.size());
    for (const RosterEntry& entry : entries)
        order.push_back(&entry);
    std::sort(order.begin(), order.end(), [](const RosterEntry* a, const RosterEntry* b) {
        return a->facts.id.pid != b->facts.id.pid ? a->facts.id.pid < b->facts.id.pid
                                                  : a->facts.id.start > b->facts.id.start;
    });
    core::vector<RosterEntry> ordered;
    ordered.reserve(entries.size());
    for (const RosterEntry* const entry : order)
        if (ordered.empty() || ordered.back().facts.id.pid != entry->facts.id.pid)
            ordered.push_back(*entry);
    return ordered;
}

RoleFacts facts_of(Oid role, const core::vector<Oid>& protected_roles) {
    RoleFacts facts = {};
    const Oid caller = GetUserId();
    facts.is_visible = compat::may_see(caller, role);
    facts.may_signal = compat::may_signal(caller, role);
    const HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (HeapTupleIsValid(tuple)) {
        const auto* const form = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple));
        facts.name = pstrdup(NameStr(form->rolname));
        facts.can_login = form->rolcanlogin;
        ReleaseSysCache(tuple);
        facts.is_superuser = superuser_arg(role);
        for (const Oid name : protected_roles)
            facts.is_protected |= is_member_of_role_nosuper(role, name);
    }
    return facts;
}

/// What depends on the current user.
void resolve_rights(core::vector<RosterEntry>& entries, const core::vector<Oid>& protected_roles,
                    RoleCache& roles) {
    const bool may_signal_autovacuum = compat::may_signal_autovacuum(GetUserId());
    for (RosterEntry& entry : entries) {
        const auto role = roles.find(entry.role);
        entry.role_facts =
            role != roles.end()
                ? role->second
                : roles.emplace(entry.role, facts_of(entry.role, protected_roles)).first->second;
        entry.facts.is_superuser = entry.role_facts.is_superuser;
        entry.facts.is_protected = entry.role_facts.is_protected;
        entry.facts.may_signal = entry.facts.kind == core::Kind::autovacuum_worker
                                     ? may_signal_autovacuum
                                     : entry.role_facts.may_signal;
        entry.facts.is_visible = entry.role_facts.is_visible;
    }
}

void resolve_databases(core::vector<RosterEntry>& entries, DatabaseCache& databases) {
    for (RosterEntry& entry : entries) {
        if (!OidIsValid(entry.database))
            continue;
        auto database = databases.find(entry.database);
        if (database == databases.end())
            database = databases
                           .emplace(entry.database, DatabaseFacts{get_database_name(entry.database),
                                                                  encoding_of(entry.database)})
                           .first;
        entry.database_name = database->second.name;
        entry.encoding = database->second.encoding;
    }
}

} // namespace

Roster Roster::take() {
    return take_slots(0, call([] { return compat::status_array().count; }));
}

Roster Roster::take_one(const core::Session& session) {
    Roster roster = take_slots(session.slot, session.slot + 1);
    if (!roster.entries.empty() && roster.entries.front().facts.id != session.id)
        roster.entries.clear();
    return roster;
}

Roster Roster::seen_by_current_user() const {
    Roster roster;
    roster.taken_at = taken_at;
    roster.viewer = GetUserId();
    roster.entries = entries;
    RoleCache roles;
    const core::vector<Oid> protected_roles = protected_role_oids();
    call([&] { resolve_rights(roster.entries, protected_roles, roles); });
    return roster;
}

Roster Roster::take_slots(int first, int end) {
    Roster roster;
    RoleCache roles;
    DatabaseCache databases;
    const core::vector<Oid> protected_roles = protected_role_oids();
    call([&] {
        Buffers buffers;
        buffers.activity = static_cast<char*>(palloc(pgstat_track_activity_query_size));
        const compat::StatusArray table = compat::status_array();
        core::vector<RosterEntry> entries;
        for (int slot = first; slot < end; ++slot) {
            const int pid = table.at(slot).st_procpid;
            if (pid <= 0)
                continue;
            const LocalTransactionId transaction = compat::transaction_at(slot, pid);
            std::atomic_thread_fence(
                std::memory_order_acquire); // what is read next may be later, not earlier
            const PgBackendStatus status = copy_entry(table.at(slot), buffers);
            if (status.st_procpid > 0)
                entries.push_back(entry_of(slot, transaction, status));
        }
        roster.entries = in_order(entries);
        resolve_rights(roster.entries, protected_roles, roles);
        resolve_databases(roster.entries, databases);
        roster.taken_at = GetCurrentTimestamp();
        roster.viewer = GetUserId();
    });
    // In a process without a database no query is shown.
    for (RosterEntry& entry : roster.entries)
        if (entry.role_facts.is_visible && OidIsValid(MyDatabaseId))
            show_query(entry);
    return roster;
}

const RosterEntry* Roster::find(int pid) const noexcept {
    const auto found =
        std::lower_bound(entries.begin(), entries.end(), pid,
                         [](const RosterEntry& entry, int wanted) { return entry.facts.id.pid < wanted; });
    return found != entries.end() && found->facts.id.pid == pid ? &*found : nullptr;
}

const RosterEntry& Roster::at(int pid) const {
    const RosterEntry* const entry = find(pid);
    if (entry == nullptr)
        throw core::Error(core::sqlstate::internal_error, "process %d is not on the roster", pid);
    return *entry;
}

} // namespace sessionctl::pg
