#include "worker/logins/sweep_records.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/logins/nologin_sweep.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::worker {

namespace {

/// What all records have in common: the session that gave the command.
pg::AuditRecord record_by(int caller) {
    pg::CatalogScope catalogs;
    pg::AuditRecord record = {};
    const pg::Roster roster = pg::Roster::take();
    const pg::RosterEntry* const entry = roster.find(caller);
    if (entry != nullptr && entry->facts.id.start < pg::own_identity().start) {
        record.by_session_user.set(entry->role_facts.name);
        record.by_session_id.set(core::SessionId(entry->facts.id).text);
    }
    record.action.set("terminate");
    catalogs.leave();
    return record;
}

void set_caller(pg::AuditRecord& record, const pg::SweepNote& note) noexcept {
    record.by_session_user = note.by_session_user;
    record.by_current_user = note.by_current_user;
    record.by_session_id = note.by_session_id;
}

/// Empty: not known yet.
std::optional<bool> is_login_of(const pg::RosterEntry* entry, const pg::PendingLogin& process) noexcept {
    if (entry != nullptr && entry->facts.state != core::State::starting)
        return entry->facts.kind != core::Kind::walsender;
    if (entry == nullptr && pg::is_leaving(process))
        return false;
    return pg::logs_in_to_database(process);
}

} // namespace

SweepRecords::SweepRecords(TransactionId after, const pg::ConnectSweepRequest* connect, int caller)
    : after_(after), connect_(connect), common_(record_by(caller)) {}

pg::AuditRecord SweepRecords::begin(const char* reason) const {
    pg::AuditRecord record = common_;
    record.set_field(record.reason, reason);
    return record;
}

std::optional<bool> SweepRecords::describe(SweepVictim& victim) {
    pg::CatalogScope catalogs;
    const pg::Roster roster = pg::Roster::take();
    const pg::RosterEntry* const entry = roster.find(victim.process.pid);
    victim.session.slot = -1;
    if (entry != nullptr) {
        victim.record.describe(*entry);
        victim.record.evidence = pg::evidence_of(*entry, waits_);
        victim.session = entry->facts;
    }
    if (!victim.record.evidence.is_present)
        victim.record.evidence = pg::Evidence::of_login(victim.process.role);
    victim.record.pid = victim.process.pid;
    // From 18 on a login is in the session table from its start, first without its role.
    victim.record.role.set(pg::call([&victim] { return compat::role_name_or_null(victim.process.role); }));
    if (connect_ != nullptr)
        set_caller(victim.record, connect_->by);
    else if (const std::optional<pg::SweepNote> note = pg::sweep_note(after_, victim.process.role)) {
        victim.record.role = note->role_name;
        set_caller(victim.record, *note);
    }
    const std::optional<bool> is_login = is_login_of(entry, victim.process);
    catalogs.leave();
    return is_login;
}

void SweepRecords::keep_outcome(SweepVictim& victim) noexcept {
    victim.record.result.set(
        core::outcome_name(victim.is_gone ? core::Outcome::terminated : core::Outcome::still_running));
    pg::keep_record(victim.record);
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(pg::CountedAction::terminate).add(victim.is_gone);
}

} // namespace sessionctl::worker
