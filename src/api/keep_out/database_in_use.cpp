#include "api/keep_out/database_in_use.hpp"

#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/sessions/disclosure.hpp"
#include "pg/sessions/roster.hpp"
#include "pg/sql.hpp"
#include "pg/subtransaction.hpp"

namespace sessionctl::api {

namespace {

/// Objects of a database that remain when its sessions end. Their names are in that database's encoding.
class RemainingObjects {
  public:
    RemainingObjects(const char* name, Oid oid)
        : database_(pg::sql_literal(name)), encoding_(pg::encoding_of(oid)) {}

    /// Appends the name of the database to the query.
    void add(const char* kind, core::string (*written)(const char*), const char* query) {
        const core::string whole = core::string(query).append(database_).append(" ORDER BY 1");
        for (const char* const each : pg::query_column(whole.c_str()))
            list_.append(list_.empty() ? "" : ", ")
                .append(kind)
                .append(written(pg::shown_text(each, encoding_).c_str()));
    }

    core::string list() { return std::move(list_); }

  private:
    const core::string database_;
    const int encoding_;
    core::string list_;
};

core::string remaining_objects(const char* name, Oid oid) {
    RemainingObjects remains(name, oid);
    remains.add("logical replication slot ", pg::sql_identifier,
                "SELECT slot_name FROM pg_replication_slots WHERE database = ");
    remains.add("prepared transaction ", pg::sql_literal,
                "SELECT gid FROM pg_prepared_xacts WHERE database = ");
    if (compat::has_subscriptions)
        remains.add("subscription ", pg::sql_identifier,
                    "SELECT subname FROM pg_subscription, pg_database AS d WHERE subdbid = d.oid "
                    "AND datname = ");
    return remains.list();
}

bool prevents_wraparound(const pg::RosterEntry& entry) noexcept {
    constexpr std::string_view ending = "(to prevent wraparound)";
    const std::string_view query = entry.query;
    return entry.facts.kind == core::Kind::autovacuum_worker && query.size() >= ending.size() &&
           query.substr(query.size() - ending.size()) == ending;
}

/// process 4711 (autovacuum worker, to prevent wraparound)
core::string described(const pg::RosterEntry& entry) {
    char process[32];
    std::snprintf(process, sizeof process, "process %d (", entry.facts.id.pid);
    core::string text(process);
    // Its extension chose the name. It is shown only to roles that may see the process.
    if (pg::may_tell(entry.facts) && entry.backend_type != nullptr)
        text.append(pg::one_line(entry.backend_type));
    else
        text.append("background process");
    if (pg::may_tell(entry.facts) && prevents_wraparound(entry))
        text.append(", to prevent wraparound");
    return text.append(")");
}

} // namespace

void report_remaining_objects(const char* name, Oid oid) {
    core::string list;
    try {
        list = pg::in_subtransaction([=] { return remaining_objects(name, oid); });
    } catch (const pg::PgError& error) {
        if (error.data()->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
            throw;
    }
    if (list.empty())
        return;
    const pg::ShownName database(name);
    pg::call([&] {
        ereport(NOTICE, (errmsg("database \"%s\" still has objects that ending sessions does not remove",
                                database.text()),
                         errdetail("%s.", list.c_str()),
                         errhint("Use ROLLBACK PREPARED (in that database), pg_drop_replication_slot() and "
                                 "ALTER SUBSCRIPTION ... DISABLE.")));
    });
}

void report_background(const char* name, Oid oid) {
    const pg::Roster roster = pg::Roster::take();
    core::string list;
    int count = 0;
    for (const pg::RosterEntry& entry : roster.entries) {
        if (entry.database != oid || !core::is_background(entry.facts.kind) ||
            !(entry.facts.is_visible || entry.facts.may_signal))
            continue;
        list.append(count++ == 0 ? "" : ", ").append(described(entry));
    }
    if (count == 0)
        return;
    list[0] = 'P';
    const pg::ShownName database(name);
    pg::call([&] {
        ereport(
            NOTICE,
            (errmsg_plural("%d background process remains connected to database \"%s\"",
                           "%d background processes remain connected to database \"%s\"", count, count,
                           database.text()),
             errdetail("%s.", list.c_str()),
             errhint(
                 "DROP DATABASE and RENAME end autovacuum workers themselves, but fail while other processes "
                 "are connected. First stop what starts them again, such as an enabled subscription; then "
                 "call sessionctl.terminate_database_sessions with include_background.")));
    });
}

} // namespace sessionctl::api
