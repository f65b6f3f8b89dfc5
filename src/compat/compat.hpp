// What PostgreSQL changed between 9.4 and 19, behind one set of names. This folder is the only place that
// uses PG_VERSION_NUM; each shim names the release of the change. Included by compat/postgres.hpp, after
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

struct ExprContext;
struct ExprState;
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

/// Null if there is no memory; never raises.
void* allocate_or_null(MemoryContext context, std::size_t bytes) noexcept;
MemoryContext create_context(MemoryContext parent, const char* name);

/// QueryCancelHoldoffCount came with 9.5 (and a late 9.4).
uint32 query_cancel_holdoff() noexcept;
void set_query_cancel_holdoff(uint32 count) noexcept;

/// Sleeps until the latch is set or the time (ms; negative: no limit) is over; exits if the postmaster dies.
/// The caller checks for interrupts. The wait event is used from 10 on; 0: that of all extensions.
bool wait_latch(long milliseconds, uint32 wait_event = 0);
/// A wait event with this name, where extensions may have their own (17).
uint32 own_wait_event(const char* name);

/// Is a cancel, a termination or (17) a transaction timeout pending?
bool is_interrupted() noexcept;
/// Drops a cancel that this process sent to itself.
void clear_pending_cancel() noexcept;

/// When statement_timeout ends the running statement; 0 if none is set. Up to 12 only while no other timer
/// runs.
TimestampTz statement_timeout_at();
/// How far (microseconds) that may be off.
extern const TimestampTz timeout_precision;
/// The same, or when transaction_timeout (17) ends its transaction.
TimestampTz own_timeout_at();

// --- the array of sessions in shared memory
// ----------------------------------------------------------------------

/// The live array and its number of entries.
struct StatusArray {
    volatile PgBackendStatus* entries;
    int count;

    /// Errors: XX000 if there is no such slot.
    volatile PgBackendStatus& at(int slot) const;
};
StatusArray status_array();

/// This process's slot, and its start as shown there; negative if it has none (yet).
int own_slot() noexcept;
TimestampTz own_start() noexcept;

core::Kind kind_of(int index, const PgBackendStatus& entry);
core::State state_of(const PgBackendStatus& entry) noexcept;
/// As in pg_stat_activity; where core has no such column (up to 9.6), derived from what the server knows.
const char* backend_type_of(const PgBackendStatus& entry, core::Kind kind);
const char* activity_of(const PgBackendStatus& entry) noexcept;
void set_activity(PgBackendStatus& entry, char* activity) noexcept;
/// Was this copy cut in shared memory, perhaps inside a multibyte character?
bool is_cut_activity(const char* activity) noexcept;
/// 0 if there is none (or before 14).
int64 query_id_of(const PgBackendStatus& entry) noexcept;

/// Progress numbers in the session table, as core's own commands report them (9.6). A failed (sub)transaction
/// resets them.
#if PG_VERSION_NUM >= 90600
constexpr bool has_shown_numbers = true;
#else
constexpr bool has_shown_numbers = false;
#endif
constexpr int most_shown_numbers = 10;
/// Does nothing while one of core's commands reports its own.
void show_numbers(const int64* numbers, int count);
void hide_numbers();
/// False if the session reports none of ours.
bool shown_numbers(const PgBackendStatus& entry, int64* numbers, int count) noexcept;

// --- what the process array adds
// ---------------------------------------------------------------------------------

struct ProcView {
    TransactionId xid;
    TransactionId xmin;
    int leader_pid;              // 0: none, or the session is itself the leader of its parallel group
    const char* wait_event_type; // null: not waiting, or before 9.6
    const char* wait_event;
    bool waits_for_lock;
};
/// The process of the entry with that index, if it still has that pid.
ProcView proc_view(int index, const PgBackendStatus& entry);
/// The types of wait events that the server has: null for a number without one.
constexpr int wait_event_types = 256;
const char* wait_event_type(int number) noexcept;
/// Null if it does not wait, if the slot has another process by now, or before 9.6.
const char* wait_event_of(int index, int pid) noexcept;
bool awaits_standby(int index, int pid);
/// Is its commit being flushed, or does it wait for a synchronous standby? A signal that comes in the middle
/// of the first ends the second at once. True for moments of other work, too.
bool is_in_commit(int index, int pid);
/// Of the processes that wait for a heavyweight lock, is it one of these? They are given by slot and pid.
bool any_waits_for_lock(bool (*is_it)(int index, int pid)) noexcept;
/// For one of the lock table. For certain only while that is held.
bool waits_for_lock(int index, int pid) noexcept;
/// It runs VACUUM, or decodes for a slot with an xmin of its own: VACUUM ignores its xmin.
bool is_ignored_by_vacuum(int pid);
/// From the process array, whether or not the process reports its activity.
bool is_in_transaction(int index, int pid);
/// The number of the transaction that this process is in; 0: none, or it is gone.
LocalTransactionId transaction_at(int index, int pid) noexcept;
/// Keeps the process from ending the transaction that it is in, or from beginning one, until the lock is
/// released. Null if it is not in this transaction (0: in none), or gone.
LWLock* hold_transaction(int index, int pid, LocalTransactionId transaction);
/// That lock of this process: what it does while it has it exclusively, others do not meet half done.
LWLock* own_transaction_lock() noexcept;
/// A walsender between START_REPLICATION and the end of its stream.
bool is_streaming(int pid) noexcept;
/// This process, or the session that a parallel worker works for.
bool is_own_session(int pid) noexcept;

/// A client's process in the process array, from before authentication to its end.
struct ClientProcess {
    int pid; // 0: the slot is empty
    Oid role;
    Oid database;
    bool is_walsender;   // 12; before, a pending walsender can't be told from other clients
    bool waits_for_lock; // for a heavyweight lock
};
int client_process_count() noexcept;
/// The slots of clients and walsenders only, not of workers.
ClientProcess client_process_at(int index);

/// Does a process report its wait event (9.6)?
constexpr bool has_wait_events = PG_VERSION_NUM >= 90600;
/// Does a session that waits for a lock report since when (14)?
constexpr bool has_wait_start = PG_VERSION_NUM >= 140000;
/// Does an active session that waits for its client report it (10)?
constexpr bool has_client_waits = PG_VERSION_NUM >= 100000;
TransactionId next_transaction_id();

/// Does a login read its role again after authentication (12)? Before, it may use what it read before it
/// asked for the password.
constexpr bool login_reads_role_late = PG_VERSION_NUM >= 120000;
/// As core checks before ALTER DATABASE.
bool owns_database(Oid user, Oid database);
/// Ends the transaction with its statement, even inside a pipeline, if the server supports that.
void commit_at_once() noexcept;

/// ALTER DATABASE … ALLOW_CONNECTIONS (9.5; before it, a column of pg_database); subscriptions (10).
constexpr bool has_allow_connections = PG_VERSION_NUM >= 90500;
constexpr bool has_subscriptions = PG_VERSION_NUM >= 100000;
/// Does this process write what a subscription brings?
bool applies_replication() noexcept;

// --- rights
// ------------------------------------------------------------------------------------------------------

/// May this role see another role's session in pg_stat_activity?
bool may_see(Oid viewer, Oid role);
/// As pg_terminate_backend() decides.
bool may_signal(Oid signaller, Oid role);
/// Autovacuum workers have no role of their own.
bool may_signal_autovacuum(Oid signaller);
/// Null for a dropped role.
char* role_name_or_null(Oid role);
/// `function` is a row of pg_proc.
bool may_execute(Oid role, HeapTuple function);
/// Does this role have CONNECT on this database, as a login checks it? True if either is gone.
bool may_connect(Oid role, Oid database);
/// May this command take CONNECT from a role: directly, from PUBLIC, or through membership, ownership or the
/// superuser attribute?
bool may_take_connect(const Node* statement) noexcept;

// --- parser
// ------------------------------------------------------------------------------------------------------

/// The statements of a text, each ready for analyze(). Up to 9.6 bare nodes, then RawStmts.
List* parse(const char* text);
Node* statement_of(Node* parsed) noexcept;
/// Analyses a parsed statement, whose nodes have positions in this text. `substitute` gives the expression
/// for each $n, or null if there is no such parameter.
Query* analyze(Node* parsed, const char* text, Node* (*substitute)(ParseState*, ParamRef*), void* context);
/// The context that `substitute` gets.
void* analysis_context(const ParseState* state) noexcept;
/// Rewrites and plans an analysed SELECT; modifies the query.
PlannedStmt* plan(Query* query, const char* text);
/// Runs it under the active snapshot; `receive` is called with each row and must not throw.
void execute(PlannedStmt* plan, const char* text, void (*receive)(TupleTableSlot*, void*), void* context);
/// In the current memory context.
void* copy_of_tree(const void* tree);
/// Raises an ERROR if the current user may not read what the plan reads, as executing it does.
void check_rights(const PlannedStmt* plan);
/// What an analysed query depends on: tables and views (OIDs), and functions and types (PlanInvalItems).
void dependencies_of(Query* query, List** relations, List** items);
/// From now on `relation` is called when a table or view changed (InvalidOid: any of them may have), `item`
/// when a function or type did (hash 0: any), and `other` when anything else did that a plan may depend on.
void watch_catalogs(void (*relation)(Oid), void (*item)(int cache, uint32 hash), void (*other)());

/// Conditions joined by AND, and other expressions of a plan, evaluated outside of the executor. They must
/// not contain subqueries. 10: no trees of states any more.
#if PG_VERSION_NUM >= 100000
using Qualification = ExprState;
#else
using Qualification = List;
#endif
Qualification* prepare_qualification(List* conditions);
bool is_true(Qualification* qualification, ExprContext* context);
Datum value_of(ExprState* expression, ExprContext* context, bool* is_null);
/// A slot with a copy of this row that lives in the current memory context, and all of its columns taken
/// apart.
TupleTableSlot* copy_row(TupleTableSlot* row, TupleDesc description);

/// Calls `checker` with each function that this one node (not its children) would call; true stops.
bool functions_in_node(Node* node, bool (*checker)(Oid, void*), void* context);
/// Calls `walker` with each child of an expression node, with each expression of a query; true stops.
bool walk_children(Node* node, bool (*walker)(Node*, void*), void* context);
bool walk_query(Query* query, bool (*walker)(Node*, void*), void* context);
/// The same for raw parse trees. Errors: XX000 for a node that core can't walk.
bool walk_raw_children(Node* node, bool (*walker)(Node*, void*), void* context);
/// Is this node of a known kind? Kinds added by later servers are unknown until reviewed.
bool is_known_in_raw_expression(const Node* node) noexcept;
/// Is it the constant true or false? A node type of its own from 15 (before, text cast to boolean).
bool is_boolean_literal(Node* parsed) noexcept;

const char* column_name(Oid relation, AttrNumber number);

// --- preloading
// --------------------------------------------------------------------------------------------------

/// As core computes it; before 15 it is not set yet while libraries are preloaded.
int max_backends() noexcept;
/// Called while preloading: `attach` runs when shared memory exists, `size` returns the size needed.
void request_shared_memory(Size (*size)(), void (*attach)());
/// The locks that are requested with it. Call it once for each, in this order, when the memory is new.
constexpr int shared_memory_locks = 5;
LWLock* shared_memory_lock(int number);

// --- this session, seen from inside
// ---------------------------------------------------------------------------------

/// From now on `begins` is called in a transaction before a statement, or a part of one, is analysed or
/// executed, and may raise an ERROR; `command` is called when this session enters or leaves a utility command
/// sent by the client, inside of which transactions may end.
void watch_statements(void (*begins)(), void (*command)());
constexpr int most_command_watchers = 3;
/// If statements are watched, `begins` is called before each utility command, also nested ones, and `ended`
/// after it if `begins` returned true; null: it never does. Both may raise an ERROR.
void watch_commands(bool (*begins)(const Node* statement), void (*ended)());
/// The database that nobody else may be connected to while this command runs; null: none.
const char* database_needed_by(const Node* statement) noexcept;
bool drops_extension(const Node* statement, const char* name) noexcept;
bool is_in_command() noexcept;
/// COMMIT PREPARED or ROLLBACK PREPARED?
bool ends_prepared(const Node* statement) noexcept;
/// Does the command, or some form of it, do what an error before its commit does not take back?
bool cannot_be_undone(const Node* statement) noexcept;
/// 0: in no transaction, or in an aborted one.
LocalTransactionId own_transaction() noexcept;
/// What the transaction's last command changed is visible to it from now on, memberships included. May raise
/// an ERROR.
void show_last_command();
bool is_client_session() noexcept;
/// A walsender between START_REPLICATION and the end of its stream, which decodes others' transactions in its
/// own.
bool is_own_stream() noexcept;
/// True if no output is left to be sent or, where the system knows, to be received by the client (or its
/// machine).
bool is_output_received() noexcept;
/// Sends the pending output.
void flush_to_client();
/// Shuts down the sending side and waits, at most so long, until the client has closed its side, too. If TCP
/// is closed with unread input, it resets the connection, and output on its way is lost.
void shutdown_and_wait(int milliseconds) noexcept;

// --- logins
// ------------------------------------------------------------------------------------------------------

/// Called with each login's port and status after authentication, in a transaction that can read the shared
/// catalogs, before the session has its role.
using LoginHook = void (*)(Port* port, int status);
/// Returns the previous hook, or null.
LoginHook exchange_login_hook(LoginHook hook) noexcept;
/// The name of the role that logs in.
const char* role_of_login(const Port* port) noexcept;
/// Was its client authenticated by the password that the role has?
bool is_by_password(const Port* port) noexcept;
/// From the client's startup packet; empty if not given. Before 12 the raw bytes.
const char* application_of_login(const Port* port) noexcept;
const SockAddr& address_of_login(const Port* port) noexcept;
/// Of this login or session: client, walsender or database_walsender.
core::Kind own_kind() noexcept;
/// Do the pg_hba.conf lines of its database apply to a walsender that is connected to it (10)? Before, those
/// for replication do.
constexpr bool hba_knows_database_walsenders = PG_VERSION_NUM >= 100000;
/// SQL over pg_replication_slots: the process that uses a slot (9.5: its pid; NULL: none), and that the slot
/// is neither temporary (10) nor synced from another server (17).
extern const char* const slot_user;
extern const char* const slot_is_own;
/// In seconds.
int authentication_timeout() noexcept;
/// Slots reserved for some roles (16: including pg_use_reserved_connections).
int reserved_connections() noexcept;
bool has_free_slots(int count);
/// Up to 9.4 a login can be interrupted anywhere, not only where it checks for interrupts; returns the
/// previous state.
bool set_immediate_interrupts(bool are_allowed) noexcept;

// --- background workers
// ------------------------------------------------------------------------------------------

/// A worker that also runs on standbys, connects to no database, and is restarted a second after a failure.
BackgroundWorker describe_worker(const char* name, const char* function);
/// To the shared catalogs only. Afterwards the process is in the session table.
void connect_worker(const char* name);
/// To a database, as a superuser. What its owner has set for it does not make this process fail or wait.
void connect_worker_to(const char* database, const char* name);
/// A short list for the worker, besides its argument: there is room for it from 9.5 on.
constexpr int most_worker_extra = PG_VERSION_NUM >= 90500 ? 30 : 0;
void set_worker_extra(BackgroundWorker& worker, const Oid* list, int count) noexcept;
/// In the worker: the length of the list. Errors: XX000 if it is out of range.
int read_worker_extra(Oid* list);
/// Processes the sinval messages that came while it slept (9.5).
void process_catchup();
/// After a commit with notifications: before 15 that does not wake those who listen.
void signal_listeners();

// --- encodings
// ---------------------------------------------------------------------------------------------------

/// Of the first character of a text; 0 if it is invalid.
std::size_t character_length(std::string_view text, int encoding) noexcept;
/// Converts as much as possible from the beginning of a text, and returns how many bytes that were (14);
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

/// Random bytes that can't be predicted (10: pg_strong_random).
bool strong_random(void* bytes, std::size_t count) noexcept;

bool is_infinite(const Interval& interval) noexcept;
/// Memory that a check hook passes to its assign hook; null if there is none.
void* allocate_guc_extra(std::size_t bytes) noexcept;
/// Sets a parameter until the current GUC nest level ends.
void set_parameter_locally(const char* name, const char* value);
/// The same, ignoring a parameter that the server does not have.
void set_known_parameter_locally(const char* name, const char* value);
/// Until the transaction has ended, the client gets no messages of levels that a commit sends by itself.
void hold_back_messages();
/// This transaction's commit waits for no standby.
void lower_synchronous_commit();
void reserve_guc_prefix(const char* prefix);

} // namespace sessionctl::compat
