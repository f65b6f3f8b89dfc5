#include "pg/keep_out/pgbouncer.hpp"

#include "core/error.hpp"
#include "core/keep_out/pgbouncer.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/dblink.hpp"
#include "pg/encoding.hpp"
#include "pg/interrupts.hpp"
#include "pg/monotonic.hpp"

extern "C" {
#include "access/xact.h"
#include "foreign/foreign.h"
}

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp answer_timeout = 5 * core::microseconds_per_second;
constexpr core::Timestamp pause_timeout = 5 * core::microseconds_per_second;
constexpr core::Timestamp resume_timeout = core::microseconds_per_second; // cancels are ignored meanwhile

using Interrupts = DblinkConnection::Interrupts;
using Wait = DblinkConnection::Wait;

enum class Pause { done, already, interrupted, overdue };

struct Pool {
    const char* server;
    const char* database;
    core::string argument; // the database, quoted for PgBouncer's console
};

void notice(const char* format, const char* database) {
    const ShownName name(database);
    call([=, &name] { ereport(NOTICE, (errmsg(format, name.text()))); });
}

bool says(const PgError& error, const char* words) noexcept {
    return is_remote(error) && std::strstr(error.what(), words) != nullptr;
}

/// PgBouncer has one SQLSTATE for all its refusals (08P01).
const char* sqlstate_of(const PgError& error) {
    if (says(error, "no such database"))
        return core::sqlstate::undefined_database;
    if (says(error, "admin access needed"))
        return core::sqlstate::insufficient_privilege;
    return call([&error] { return unpack_sql_state(error.data()->sqlerrcode); });
}

/// A refusal by PgBouncer, unlike a lost connection, means that nothing was done.
bool is_refusal(const PgError& error) noexcept {
    return is_remote(error) && error.data()->sqlerrcode == ERRCODE_PROTOCOL_VIOLATION;
}

/// PostgreSQL's answer to a PgBouncer command.
bool is_not_understood(const PgError& error) noexcept {
    const int sqlstate = error.data()->sqlerrcode;
    return is_remote(error) && (sqlstate == ERRCODE_SYNTAX_ERROR || sqlstate == ERRCODE_UNDEFINED_OBJECT);
}

/// Reports the server's answer; other errors are rethrown.
[[noreturn]] void pass_on(const PgError& error, const char* what, const Pool& pool) {
    if (!is_remote(error))
        throw error;
    if (is_not_understood(error))
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "server \"%s\" is not PgBouncer's admin console", pool.server)
            .detail("It answered: %s", error.what())
            .hint("Its options must name PgBouncer's host and port, and dbname 'pgbouncer'.");
    throw core::Error(sqlstate_of(error), "PgBouncer did not %s database \"%s\"", what, pool.database)
        .detail("Server \"%s\" answered: %s", pool.server, error.what());
}

/// SHOW DATABASES has more columns in each release: the name is the first, `paused` always the last but one.
/// dblink needs their number: 12 in PgBouncer 1.8, the first that has `paused`, 13 from 1.16, 17 in 1.25.
bool is_paused(DblinkConnection& console, const Pool& pool) {
    constexpr int fewest = 12;
    constexpr int most = 40;
    static int columns = 13; // the number that fitted last time
    int next = fewest;
    for (int guess = columns; next <= most; guess = next++) {
        try {
            const Cells databases = console.execute("SHOW DATABASES", guess, answer_timeout);
            columns = guess;
            for (std::size_t row = 0; row < databases.rows(); ++row)
                if (databases.is(row, 0, pool.database))
                    return databases.is(row, guess - 2, "1");
            return false;
        } catch (const PgError& error) {
            if (is_remote(error) || error.data()->sqlerrcode != ERRCODE_DATATYPE_MISMATCH)
                pass_on(error, "pause", pool);
        }
    }
    return false;
}

/// Resumes the database; raises nothing. False, with a WARNING, if it is unknown whether that worked.
bool resume_quietly(DblinkConnection& console, const Pool& pool) {
    core::string statement("RESUME ");
    statement.append(pool.argument);
    try {
        in_subtransaction(
            [&] { console.execute(statement.c_str(), 1, resume_timeout, Interrupts::ignored); });
        return true;
    } catch (const PgError& error) {
        if (says(error, "is not paused") || says(error, "no such database"))
            return true;
    } catch (const core::Error&) {
        // no answer
    }
    const ShownName database(pool.database);
    const core::string argument = one_line(pool.argument.c_str());
    call([&] {
        ereport(WARNING, (errmsg("database \"%s\" may still be paused in PgBouncer", database.text()),
                          errhint("In its admin console: RESUME %s", argument.c_str())));
    });
    return false;
}

Pause pause_and_wait(DblinkConnection& waiting, const Pool& pool) {
    core::string statement("PAUSE ");
    statement.append(pool.argument);
    waiting.send(statement.c_str());
    switch (waiting.wait(monotonic_now() + pause_timeout)) {
    case Wait::overdue:
        return Pause::overdue;
    case Wait::interrupted:
        return Pause::interrupted;
    case Wait::answered:
        break;
    }
    waiting.result(1);
    return compat::is_interrupted() ? Pause::interrupted : Pause::done;
}

/// PAUSE stops the clients at once and answers when no transaction is left. To give up, RESUME is needed:
/// PgBouncer reads nothing on the waiting connection, and closing that changes nothing. So the other
/// connection is opened before, and only this function ends the wait: neither a cancel nor SIGTERM, after
/// which RESUME could not be sent any more.
Pause pause_or_resume(DblinkConnection& console, DblinkConnection& waiting, const Pool& pool) {
    const InterruptsHeld held;
    try {
        const Pause pause = in_subtransaction([&] { return pause_and_wait(waiting, pool); });
        if (pause == Pause::interrupted || pause == Pause::overdue)
            resume_quietly(console, pool);
        return pause;
    } catch (const PgError& error) {
        // All databases together; the second message since 1.26.
        if (says(error, "already suspended/paused") || says(error, "already paused"))
            return Pause::already;
        if (!is_refusal(error))
            resume_quietly(console, pool);
        pass_on(error, "pause", pool);
    } catch (...) {
        resume_quietly(console, pool);
        throw;
    }
}

Pause pause_pool(const Pool& pool) {
    return with_connection(pool.server, [&pool](DblinkConnection& console) {
        if (is_paused(console, pool))
            return Pause::already;
        return with_connection(
            pool.server, [&](DblinkConnection& waiting) { return pause_or_resume(console, waiting, pool); });
    });
}

/// Quoted for use in a hint.
core::string resuming(const char* server, const char* database) {
    core::string text("sessionctl.resume_pool(");
    return text.append(sql_literal(server)).append(", ").append(sql_literal(database)).append(")");
}

void warn_still_paused(const char* server, const char* database) {
    const ShownName name(database);
    const core::string command = resuming(server, database);
    call([&] {
        ereport(WARNING, (errmsg("database \"%s\" is still paused in PgBouncer", name.text()),
                          errhint("Call %s in the database where that server is defined.", command.c_str())));
    });
}

/// The server's owner decides where the caller connects to, with the caller's credentials.
bool is_trusted(const char* server) {
    return call([server] {
        const ForeignServer* const found = GetForeignServerByName(server, true);
        return found != nullptr && (found->owner == GetUserId() || superuser_arg(found->owner));
    });
}

/// Paused by this transaction, which may still fail.
bool has_paused = false;
char paused_database[4 * NAMEDATALEN];
char way_to_resume[1024];

extern "C" void sessionctl_pool_transaction(XactEvent event, void*) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
        return;
    if (event == XACT_EVENT_ABORT && has_paused)
        ereport(WARNING,
                (errmsg("database \"%s\" is still paused in PgBouncer", paused_database),
                 errdetail("The lockdown that paused it was undone."), errhint("Call %s.", way_to_resume)));
    has_paused = false;
}

/// Built before the action. Written at once: a rollback does not undo what PgBouncer has done.
AuditRecord record_of(const char* action, const char* result, const char* server, const char* database) {
    AuditRecord record = AuditRecord::by_caller(action, result);
    LogLine details;
    details.add_quoted("pool", server);
    record.database.set(database);
    record.details.set(details.pairs());
    return record;
}

} // namespace

bool pause_pool(const char* server, const char* database) {
    const Pool pool = {server, database, core::console_name(database)};
    AuditRecord record = record_of("pause_pool", "paused", server, database);
    switch (pause_pool(pool)) {
    case Pause::done:
        keep_record(record);
        return true;
    case Pause::already:
        notice("database \"%s\" is paused in PgBouncer already", database);
        return false;
    case Pause::interrupted:
        call([] { CHECK_FOR_INTERRUPTS(); });
        throw core::Error(core::sqlstate::query_canceled, "canceled while database \"%s\" was being paused",
                          database);
    case Pause::overdue:
        break;
    }
    throw core::Error(core::sqlstate::object_in_use, "database \"%s\" is too busy to be paused", database)
        .detail("PgBouncer waits for open transactions (in session pooling: sessions) to end; they did not "
                "within %d s, and the database has been resumed.",
                static_cast<int>(pause_timeout / core::microseconds_per_second))
        .hint("SHOW POOLS in PgBouncer's admin console counts them (sv_active); sessionctl.session_activity "
              "shows them, and sessionctl.terminate_idle_in_transaction() ends those that wait for their "
              "client.");
}

bool resume_pool(const char* server, const char* database) {
    const Pool pool = {server, database, core::console_name(database)};
    AuditRecord record = record_of("resume_pool", "resumed", server, database);
    core::string statement("RESUME ");
    statement.append(pool.argument);
    return with_connection(server, [&](DblinkConnection& console) {
        try {
            console.execute(statement.c_str(), 1, answer_timeout);
            keep_record(record);
            return true;
        } catch (const PgError& error) {
            if (!says(error, "is not paused"))
                pass_on(error, "resume", pool);
        }
        notice("database \"%s\" is not paused in PgBouncer", database);
        return false;
    });
}

bool resume_pool_after(const char* server, const char* database, const std::function<void()>& before) {
    const Pool pool = {server, database, core::console_name(database)};
    AuditRecord record = record_of("resume_pool", "resumed", server, database);
    bool has_begun = false;
    try {
        if (is_trusted(server))
            return in_subtransaction([&] {
                return with_connection(server, [&](DblinkConnection& console) {
                    has_begun = true;
                    before();
                    if (!resume_quietly(console, pool))
                        record.result.set("not known");
                    keep_record(record);
                    return true;
                });
            });
    } catch (const PgError&) {
        if (has_begun)
            throw;
    } catch (const core::Error&) {
        if (has_begun)
            throw;
    }
    warn_still_paused(server, database);
    return false;
}

void resume_after_failure(const char* server, const char* database) {
    has_paused = false;
    try {
        in_subtransaction([=] { resume_pool(server, database); });
        return;
    } catch (const PgError&) {
    } catch (const core::Error&) {
    }
    warn_still_paused(server, database);
}

void keep_paused_if_committed(const char* server, const char* database) {
    static bool is_registered = false;
    if (!std::exchange(is_registered, true))
        call([] { RegisterXactCallback(sessionctl_pool_transaction, nullptr); });
    std::snprintf(paused_database, sizeof paused_database, "%s", ShownName(database).text());
    // Two names of at most 63 bytes, each at most four times as long when quoted: it fits.
    std::snprintf(way_to_resume, sizeof way_to_resume, "%s", resuming(server, database).c_str());
    has_paused = true;
}

} // namespace sessionctl::pg
