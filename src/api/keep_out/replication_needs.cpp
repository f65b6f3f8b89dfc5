// Roles that logical replication needs and a lockdown of the server refuses.

#include "core/keep_out/replication_needs.hpp"
#include "api/keep_out/lockdown_server.hpp"
#include "pg/audit/log_line.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/sessions/roster.hpp"
#include "pg/sql.hpp"
#include "pg/subtransaction.hpp"

#include <cstdlib>

namespace sessionctl::api {

namespace {

/// "pid name" of each slot that keeps WAL; pid 0 if it is not in use. Slots that are synchronized from a
/// primary are not used here.
const char* slots() {
    return pg::query_sql(pg::call([] {
        return psprintf(
            "SELECT string_agg(format('%%s %%s', coalesce(%s, 0), slot_name), ' ' ORDER BY slot_name) "
            "FROM pg_replication_slots "
            "WHERE slot_type = 'logical' AND restart_lsn IS NOT NULL AND %s",
            compat::slot_user, compat::slot_is_own);
    }));
}

const char* replicating_roles() {
    return pg::query_sql("SELECT string_agg(oid::text, ' ' ORDER BY rolname) FROM pg_roles "
                         "WHERE rolcanlogin AND (rolreplication OR rolsuper)");
}

class Search {
  public:
    explicit Search(const pg::GateState& state) : state_(state), needs_(pg::server_encoding()) {}

    void run() {
        read_sessions();
        read_slots();
        read_roles();
    }

    const core::ReplicationNeeds& needs() const noexcept { return needs_; }

  private:
    bool is_refused(Oid role) const {
        return !core::admits(
            state_, pg::call([&] { return pg::login_of(role, core::Kind::database_walsender, state_); }));
    }

    /// From 17 on a standby synchronizes slots as a client whose application_name ends with this.
    static bool synchronizes_slots(const pg::RosterEntry& entry) noexcept {
        constexpr std::string_view worker = "slotsync worker";
        const std::string_view name = entry.application_name;
        return entry.facts.kind == core::Kind::client && name.size() >= worker.size() &&
               name.substr(name.size() - worker.size()) == worker;
    }

    void read_sessions() {
        for (const pg::RosterEntry& entry : roster_.entries)
            if (synchronizes_slots(entry) && entry.role_facts.name != nullptr && is_refused(entry.role))
                needs_.add_user(entry.role_facts.name, "");
    }

    void read_slots() {
        const char* next = slots();
        while (next != nullptr && *next != '\0') {
            char* end;
            const auto pid = static_cast<int>(std::strtol(next, &end, 10));
            const std::string_view rest = end + (*end == ' ');
            const std::string_view slot = rest.substr(0, rest.find(' '));
            next = slot.data() + slot.size() + (slot.size() < rest.size());
            add(pid, slot);
        }
    }

    void add(int pid, std::string_view slot) {
        const pg::RosterEntry* const entry = pid != 0 ? roster_.find(pid) : nullptr;
        if (entry == nullptr || entry->role_facts.name == nullptr)
            needs_.add_unused_slot(slot);
        else if (is_refused(entry->role))
            needs_.add_user(entry->role_facts.name, slot);
    }

    void read_roles() {
        for (const char* next = replicating_roles(); next != nullptr && *next != '\0';) {
            char* end;
            const auto role = static_cast<Oid>(std::strtoul(next, &end, 10));
            next = end + (*end == ' ');
            if (const char* const name = pg::call([role] { return compat::role_name_or_null(role); });
                name != nullptr && is_refused(role))
                needs_.add_candidate(name);
        }
    }

    const pg::GateState& state_;
    const pg::Roster roster_ = pg::Roster::take();
    core::ReplicationNeeds needs_;
};

void warn(const core::ReplicationNeeds& needs) {
    const core::string detail = needs.detail();
    const char* const shown = pg::readable(detail.c_str());
    pg::call([shown] {
        ereport(WARNING,
                (errmsg("roles that logical replication needs are locked out"),
                 errdetail_internal("%s", shown),
                 errhint("Until they can log in again, the server keeps the WAL that their slots have not "
                         "sent, which may fill the disk. List them in allow_roles to let them log in.")));
    });
}

} // namespace

void warn_of_logical_replication(const ServerLockdown& lockdown) {
    if (!lockdown.refuses_database_walsenders)
        return;
    Search search(lockdown.state);
    try {
        pg::in_subtransaction([&search] { search.run(); });
    } catch (const pg::PgError& error) {
        // Without the privilege to read it, the caller gets no warning.
        if (error.data()->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
            throw;
    }
    if (!search.needs().empty())
        warn(search.needs());
}

} // namespace sessionctl::api
