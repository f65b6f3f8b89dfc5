// What PostgreSQL changed between 9.4 and 19, behind one set of names. This folder is the only place that
// looks at PG_VERSION_NUM; each shim says which release changed what. Included by compat/postgres.hpp, after
// PostgreSQL.
//
// All functions may raise a PostgreSQL ERROR unless noexcept, so C++ calls them inside pg::call.
#pragma once

#if PG_VERSION_NUM < 90400
#error "pg_sessionctl needs PostgreSQL 9.4 or newer"
#endif

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/guc.h"
#if PG_VERSION_NUM >= 140000 // 14: moved out of pgstat.h
#include "utils/backend_status.h"
#endif
#if PG_VERSION_NUM >= 100000 // 10: format_procedure() moved out of builtins.h
#include "utils/regproc.h"
#endif
}

#include "core/sessions/session.hpp"
#include "core/version.hpp"

struct ParseState;
struct PlannedStmt;
struct Port;
struct TupleTableSlot;

// 16: PGDLLEXPORT makes a symbol visible in a module built with -fvisibility=hidden; before, it was empty.
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

namespace sessionctl::compat {

// --- memory and interrupts
// ---------------------------------------------------------------------------------------

/// Null where there is no memory; never raises.
void* allocate_or_null(MemoryContext context, std::size_t bytes) noexcept;
MemoryContext create_context(MemoryContext parent, const char* name);

/// QueryCancelHoldoffCount came with 9.5 (and a late 9.4).
uint32 query_cancel_holdoff() noexcept;
void set_query_cancel_holdoff(uint32 count) noexcept;

/// Sleeps until the latch is set or the time (ms; negative: however long) is over; a dead postmaster ends
/// this process. The caller checks for interrupts. The wait event is 10's: 0 for that of all extensions.
bool wait_latch(long milliseconds, uint32 wait_event = 0);
/// An own name in pg_stat_activity.wait_event, where extensions may have one (17).
uint32 own_wait_event(const char* name);

/// Is there a cancel, a termination or (17) the end of the transaction's time to answer to?
bool is_interrupted() noexcept;
/// Forgets a cancel that this process gave itself.
void drop_cancel() noexcept;

/// When the running statement (or transaction, 17) will be ended by its own timeout; 0 where none is set.
TimestampTz own_timeout_at();

// --- the array of sessions in shared memory
// ----------------------------------------------------------------------

/// The live array and its number of entries.
struct StatusArray {
    volatile PgBackendStatus* entries;
    int count;

    /// Errors: XX000 where there is no such place.
    volatile PgBackendStatus& at(int slot) const;
};
StatusArray status_array();

/// This process's own place in it, and how it is called there; negative where it has none (yet).
int own_slot() noexcept;
TimestampTz own_start() noexcept;

core::Kind kind_of(int index, const PgBackendStatus& entry);
core::State state_of(const PgBackendStatus& entry) noexcept;
/// As pg_stat_activity shows it; where core has no such column (up to 9.6) derived from what the server
/// knows.
const char* backend_type_of(const PgBackendStatus& entry, core::Kind kind);
const char* activity_of(const PgBackendStatus& entry) noexcept;
void set_activity(PgBackendStatus& entry, char* activity) noexcept;
/// The text in shared memory may end inside a multibyte character: does this copy of it?
bool is_cut_activity(const char* activity) noexcept;
/// 0 where there is none (or the server is older than 14).
int64 query_id_of(const PgBackendStatus& entry) noexcept;

/// Numbers that a session shows in the table while it works for long, as core's own commands do there (9.6).
/// A failed (sub)transaction takes them away.
#if PG_VERSION_NUM >= 90600
constexpr bool has_shown_numbers = true;
#else
constexpr bool has_shown_numbers = false;
#endif
constexpr int most_shown_numbers = 10;
/// Does nothing while one of core's commands shows some.
void show_numbers(const int64* numbers, int count);
void hide_numbers();
/// False where it shows none of ours.
bool shown_numbers(const PgBackendStatus& entry, int64* numbers, int count) noexcept;

// --- what the process array adds
// ---------------------------------------------------------------------------------

struct ProcView {
    TransactionId xid;
    TransactionId xmin;
    int leader_pid;              // 0: none, or the session leads its parallel group itself
    const char* wait_event_type; // null: not waiting, or not known before 9.6
    const char* wait_event;
    bool waits_for_lock;
};
/// The process of the entry with that index, if it is still the one with that pid.
ProcView proc_view(int index, const PgBackendStatus& entry);
/// The types of wait events that the server has: null for a number without one.
constexpr int wait_event_types = 256;
const char* wait_event_type(int number) noexcept;
/// Null where it does not wait, is no longer that process, or the server does not tell (9.6).
const char* wait_event_of(int index, int pid) noexcept;
bool awaits_standby(int index, int pid);
/// It runs VACUUM, or decodes for a slot, which has an xmin of its own: VACUUM passes its own over.
bool is_passed_over_by_vacuum(int pid);
/// As the process array knows it, whether it reports what it does or not.
bool is_in_transaction(int index, int pid);
/// A walsender between START_REPLICATION and the end of its stream.
bool is_streaming(int pid) noexcept;
/// This process, or the session that a parallel worker works for.
bool is_own_session(int pid) noexcept;

/// What the process array knows of a client's process, from before it is authenticated until it is gone.
struct ClientProcess {
    int pid; // 0: nobody has that place
    Oid role;
    Oid database;
    bool is_walsender;   // 12; before, a walsender under way can't be told from other clients
    bool waits_for_lock; // a heavyweight one
};
int client_process_count() noexcept;
/// The places of clients and walsenders only, no worker's.
ClientProcess client_process_at(int index);

/// Does a process tell what it waits for (9.6)?
constexpr bool has_wait_events = PG_VERSION_NUM >= 90600;
/// Does a session that waits for a lock tell since when (14)?
constexpr bool has_wait_start = PG_VERSION_NUM >= 140000;
/// Does a session that waits for its client, active otherwise, show it (10)?
constexpr bool has_client_waits = PG_VERSION_NUM >= 100000;
TransactionId next_transaction_id();

/// Does a login read its role anew after the client has shown who it is (12)? Before, it may believe what it
/// read before it asked for the password.
constexpr bool login_reads_role_late = PG_VERSION_NUM >= 120000;
/// As core asks before ALTER DATABASE.
bool owns_database(Oid user, Oid database);
/// A transaction that ends with its statement, even in the middle of a pipeline, where the server knows that.
void commit_at_once() noexcept;

/// ALTER DATABASE … ALLOW_CONNECTIONS (9.5; before it, a column of pg_database); subscriptions (10).
constexpr bool has_allow_connections = PG_VERSION_NUM >= 90500;
constexpr bool has_subscriptions = PG_VERSION_NUM >= 100000;

// --- rights
// ------------------------------------------------------------------------------------------------------

/// May this role see another role's session in pg_stat_activity?
bool may_see(Oid viewer, Oid role);
/// May it signal that session, as pg_terminate_backend() decides?
bool may_signal(Oid signaller, Oid role);
/// May it signal autovacuum workers, which have no role of their own?
bool may_signal_autovacuum(Oid signaller);
/// Null for a dropped role.
char* role_name_or_null(Oid role);
/// Would core let this role log in to this database, as far as CONNECT goes? True where either is gone.
bool may_connect(Oid role, Oid database);
/// May this command take CONNECT from somebody: from a role, from all, or by what gave it (membership,
/// ownership, being a superuser)?
bool may_take_connect(const Node* statement) noexcept;

// --- parser
// ------------------------------------------------------------------------------------------------------

/// Statements of a text, each ready for analyze(). Up to 9.6 a bare node, then a RawStmt.
List* parse(const char* text);
Node* statement_of(Node* parsed) noexcept;
/// Analyses a parsed statement, whose nodes have their places in this text. `substitute` gives each $n its
/// expression, or null: then there is no such parameter.
Query* analyze(Node* parsed, const char* text, Node* (*substitute)(ParseState*, ParamRef*), void* context);
/// What `substitute` was given as context.
void* analysis_context(const ParseState* state) noexcept;
/// Rewrites and plans an analysed SELECT; it is used up.
PlannedStmt* plan(Query* query, const char* text);
/// Runs it under the active snapshot; `receive` is called with each row, and throws no C++ exception.
void execute(PlannedStmt* plan, const char* text, void (*receive)(TupleTableSlot*, void*), void* context);
/// Calls `checker` with each function that this one node (not its children) would run; true stops.
bool functions_in_node(Node* node, bool (*checker)(Oid, void*), void* context);
/// Calls `walker` with each child of an expression node, with each expression of a query; true stops.
bool walk_children(Node* node, bool (*walker)(Node*, void*), void* context);
bool walk_query(Query* query, bool (*walker)(Node*, void*), void* context);
/// The same of what the grammar made. Errors: XX000 for a node that core cannot walk through.
bool walk_raw_children(Node* node, bool (*walker)(Node*, void*), void* context);
/// Does such a tree hold only what has been looked at? What later servers add is not known here before that.
bool is_known_in_raw_expression(const Node* node) noexcept;
/// The true or false of a boolean constant: an own node type from 15 (before, text cast to boolean).
bool is_boolean_literal(Node* parsed) noexcept;

const char* column_name(Oid relation, AttrNumber number);

// --- preloading
// --------------------------------------------------------------------------------------------------

/// As core computes it; before 15 it is not known yet while libraries are preloaded.
int max_backends() noexcept;
/// Called while preloading: `attach` runs when shared memory is there, `size` tells how much is wanted.
void request_shared_memory(Size (*size)(), void (*attach)());
/// The locks that are asked for with it. To be called once for each, in this order, when the memory is new.
constexpr int shared_memory_locks = 4;
LWLock* shared_memory_lock(int number);

// --- this session, seen from inside
// ---------------------------------------------------------------------------------

/// From now on `begins` is called before a statement, or a part of one, is analysed or executed, in a
/// transaction, and may raise an ERROR; `command` when this session has come into a utility command of the
/// client's own, inside of which transactions may end, or out of it.
void watch_statements(void (*begins)(), void (*command)());
/// Where statements are watched, `begins` is called before each utility command, nested ones, too, and
/// `ended`, where it returned true, when that has run. Both may raise an ERROR.
void watch_commands(bool (*begins)(const Node* statement), void (*ended)());
bool is_in_command() noexcept;
/// 0: in no transaction, or in one that an error has rolled back.
LocalTransactionId own_transaction() noexcept;
bool is_client_session() noexcept;
/// A walsender between START_REPLICATION and the end of its stream, which decodes others' transactions in
/// its own.
bool is_own_stream() noexcept;
/// Tells what is there no more to be sent or, where the system knows, not taken by the client (or its
/// machine).
bool is_heard_by_client() noexcept;
/// Sends what waits to be sent.
void flush_to_client();
/// Says that nothing more comes, and waits until the client has hung up, too, at most so long. TCP resets a
/// connection that is closed while something has come in, and what was sent before is lost on its way.
void hang_up(int milliseconds) noexcept;

// --- logins
// ------------------------------------------------------------------------------------------------------

/// Called with each login's port and status when core has made up its mind, in a transaction that can read
/// the shared catalogs, before the session has its role.
using LoginHook = void (*)(Port* port, int status);
/// The one that was there before, or null.
LoginHook exchange_login_hook(LoginHook hook) noexcept;
/// The name of the role that wants in.
const char* role_of_login(const Port* port) noexcept;
/// As the client named it in its request to connect; empty where it did not. Before 12 as raw as it came.
const char* application_of_login(const Port* port) noexcept;
const SockAddr& address_of_login(const Port* port) noexcept;
/// This login, or session: client, walsender or database_walsender.
core::Kind own_kind() noexcept;
/// Do a database's lines in pg_hba.conf decide about a walsender that is connected to it (10)? Before, those
/// for replication do.
constexpr bool hba_knows_database_walsenders = PG_VERSION_NUM >= 100000;
/// SQL over pg_replication_slots: the process that uses a slot (9.5: its pid; NULL: none), and that it is
/// neither a session's own (10: temporary) nor a copy of another server's (17: synced).
extern const char* const slot_user;
extern const char* const slot_is_own;
/// In seconds.
int authentication_timeout() noexcept;
/// Slots that are not everybody's (16: pg_use_reserved_connections).
int reserved_connections() noexcept;
bool has_free_slots(int count);
/// Up to 9.4 a login can be ended at any instruction, not only where it checks for interrupts; returns
/// whether it could before.
bool set_immediate_interrupts(bool are_allowed) noexcept;

// --- background workers
// ------------------------------------------------------------------------------------------

/// A worker that runs on standbys, too, connects to no database, and is restarted a second after it fails.
BackgroundWorker describe_worker(const char* name, const char* function);
/// To the shared catalogs only. The process stands in the session table afterwards.
void connect_worker(const char* name);
/// A short list for the worker, beside its argument: it has room for one from 9.5 on.
constexpr int most_handed_over = PG_VERSION_NUM >= 90500 ? 30 : 0;
void hand_over(BackgroundWorker& worker, const Oid* list, int count) noexcept;
/// In the worker: how many there are. Errors: XX000 where that is no number of ours.
int take_over(Oid* list);
/// Sinval messages that came while it slept (9.5).
void process_catchup();

// --- encodings
// ---------------------------------------------------------------------------------------------------

/// Of the character that a text begins with; 0 where it begins with none.
std::size_t character_length(std::string_view text, int encoding) noexcept;
/// Converts as much as can be from the beginning of a text, and tells how many bytes of it that were (14);
/// before, all of it, or an ERROR. `target` has room for growth_of_conversion times as much and one byte
/// more.
constexpr bool converts_in_part = PG_VERSION_NUM >= 140000;
constexpr std::size_t growth_of_conversion = 4;
std::size_t convert(Oid conversion, int from, int to, std::string_view text, char* target);

// --- various
// -----------------------------------------------------------------------------------------------------

/// As in PG_VERSION_NUM.
constexpr int server_version = PG_VERSION_NUM;
/// For every hint that names an argument.
constexpr const char* argument_sign = core::argument_sign(server_version);

/// To the server log, never to the client.
extern const int log_server_only;

/// Bytes that nobody can guess (10: pg_strong_random).
bool strong_random(void* bytes, std::size_t count) noexcept;

bool is_infinite(const Interval& interval) noexcept;
/// Memory for what a check hook hands to its assign hook; null where there is none.
void* allocate_guc_extra(std::size_t bytes) noexcept;
/// Sets a parameter until the current GUC nest level ends.
void set_parameter_locally(const char* name, const char* value);
/// The same of one that not every server has.
void set_known_parameter_locally(const char* name, const char* value);
/// This transaction's commit waits for no standby.
void lower_synchronous_commit();
void reserve_guc_prefix(const char* prefix);

} // namespace sessionctl::compat
