// This session, seen from inside: its statements and its transactions.
#include "compat/port.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"
#include "parser/analyze.h"
#if PG_VERSION_NUM >= 100000 // 10: subscriptions
#include "replication/logicalworker.h"
#endif
#include "replication/walsender_private.h"
#include "tcop/utility.h"
#include "utils/inval.h"
#include "utils/syscache.h"
}

namespace sessionctl::compat {

namespace {

void (*statement_begins)() = nullptr;
void (*command_begins_or_ends)() = nullptr;
struct Watcher {
    bool (*begins)(const Node*);
    void (*ended)();
};
boost::container::static_vector<Watcher, most_command_watchers> watchers;
bool is_inside = false;
post_parse_analyze_hook_type previous_analyze = nullptr;
ExecutorStart_hook_type previous_start = nullptr;
ProcessUtility_hook_type previous_utility = nullptr;

// 14: what the server computed for the query identifier; 19: a constant (betas differ, so it is derived).
#if PG_VERSION_NUM >= 140000
template <typename Jumble>
Jumble jumble_of(void (*)(ParseState*, Query*, Jumble));

extern "C" void sessionctl_analyzed(ParseState* state, Query* query,
                                    decltype(jumble_of(post_parse_analyze_hook)) jumble) {
    if (previous_analyze != nullptr)
        previous_analyze(state, query, jumble);
    statement_begins();
}
#else
extern "C" void sessionctl_analyzed(ParseState* state, Query* query) {
    if (previous_analyze != nullptr)
        previous_analyze(state, query);
    statement_begins();
}
#endif

extern "C" void sessionctl_start(QueryDesc* query, int flags) {
    statement_begins();
    if (previous_start != nullptr)
        previous_start(query, flags);
    else
        standard_ExecutorStart(query, flags);
}

void enter_command(bool is_entered) {
    is_inside = is_entered;
    command_begins_or_ends();
}

/// After an error the session must count as out of the command: its transaction ends at the client's level.
/// (Other extensions run their commands as if the client had sent them.)
template <typename Command>
void run_between_calls(ProcessUtilityContext context, Command&& command) {
    if (context != PROCESS_UTILITY_TOPLEVEL || is_inside) {
        command(previous_utility != nullptr ? previous_utility : standard_ProcessUtility);
        return;
    }
    enter_command(true);
    PG_TRY();
    { command(previous_utility != nullptr ? previous_utility : standard_ProcessUtility); }
    PG_CATCH();
    {
        enter_command(false);
        PG_RE_THROW();
    }
    PG_END_TRY();
    enter_command(false);
}

template <typename Command>
void run_command(const Node* statement, ProcessUtilityContext context, Command&& command) {
    statement_begins();
    bool is_watched[most_command_watchers] = {};
    for (std::size_t i = 0; i < watchers.size(); ++i)
        is_watched[i] = watchers[i].begins(statement);
    run_between_calls(context, command);
    for (std::size_t i = 0; i < watchers.size(); ++i)
        if (is_watched[i])
            watchers[i].ended();
}

#if PG_VERSION_NUM >= 130000 // 13: a structure instead of a text
using Completion = QueryCompletion;
#else
using Completion = char;
#endif

// 10: a PlannedStmt, and the query's environment; 14: is the tree another's to keep?
#if PG_VERSION_NUM >= 140000
extern "C" void sessionctl_utility(PlannedStmt* statement, const char* text, bool read_only_tree,
                                   ProcessUtilityContext context, ParamListInfo parameters,
                                   QueryEnvironment* environment, DestReceiver* receiver,
                                   Completion* completion) {
    run_command(statement->utilityStmt, context, [&](ProcessUtility_hook_type run) {
        run(statement, text, read_only_tree, context, parameters, environment, receiver, completion);
    });
}
#elif PG_VERSION_NUM >= 100000
extern "C" void sessionctl_utility(PlannedStmt* statement, const char* text, ProcessUtilityContext context,
                                   ParamListInfo parameters, QueryEnvironment* environment,
                                   DestReceiver* receiver, Completion* completion) {
    run_command(statement->utilityStmt, context, [&](ProcessUtility_hook_type run) {
        run(statement, text, context, parameters, environment, receiver, completion);
    });
}
#else
extern "C" void sessionctl_utility(Node* statement, const char* text, ProcessUtilityContext context,
                                   ParamListInfo parameters, DestReceiver* receiver, Completion* completion) {
    run_command(statement, context, [&](ProcessUtility_hook_type run) {
        run(statement, text, context, parameters, receiver, completion);
    });
}
#endif

} // namespace

void watch_statements(void (*begins)(), void (*command)()) {
    statement_begins = begins;
    command_begins_or_ends = command;
    previous_analyze = std::exchange(post_parse_analyze_hook, sessionctl_analyzed);
    previous_start = std::exchange(ExecutorStart_hook, sessionctl_start);
    previous_utility = std::exchange(ProcessUtility_hook, sessionctl_utility);
}

void watch_commands(bool (*begins)(const Node* statement), void (*ended)()) {
    watchers.push_back({begins, ended});
}

bool is_in_command() noexcept {
    return is_inside;
}

bool ends_prepared(const Node* statement) noexcept {
    if (!IsA(statement, TransactionStmt))
        return false;
    const TransactionStmtKind kind = reinterpret_cast<const TransactionStmt*>(statement)->kind;
    return kind == TRANS_STMT_COMMIT_PREPARED || kind == TRANS_STMT_ROLLBACK_PREPARED;
}

bool cannot_be_undone(const Node* statement) noexcept {
    switch (nodeTag(statement)) {
    case T_CreatedbStmt:
    case T_DropdbStmt:
    case T_AlterDatabaseStmt:
    case T_CreateTableSpaceStmt:
    case T_DropTableSpaceStmt:
    case T_AlterSystemStmt:
#if PG_VERSION_NUM >= 100000
    case T_CreateSubscriptionStmt:
    case T_AlterSubscriptionStmt:
    case T_DropSubscriptionStmt:
#endif
        return true;
    case T_TransactionStmt:
        return ends_prepared(statement);
    default:
        return false;
    }
}

LocalTransactionId own_transaction() noexcept {
#if PG_VERSION_NUM >= 170000 // 17: moved into vxid
    return MyProc->vxid.lxid;
#else
    return MyProc->lxid;
#endif
}

// Core does the former itself since 11.3, 10.8, 9.6.13, 9.5.17 and 9.4.22, the latter, for ALTER ROLE,
// since 13.2, 12.6, 11.11, 10.16, 9.6.21 and 9.5.25.
void show_last_command() {
    CommandCounterIncrement();
    CallSyscacheCallbacks(AUTHMEMROLEMEM, 0);
}

// 12: MyStartTimestamp; before it, only a client's session knows its start.
TimestampTz own_start() noexcept {
#if PG_VERSION_NUM >= 120000
    return MyStartTimestamp;
#else
    return MyProcPort != nullptr ? MyProcPort->SessionStartTime : 0;
#endif
}

bool is_client_session() noexcept {
    return MyProcPort != nullptr;
}

bool is_own_stream() noexcept {
    return MyWalSnd != nullptr && MyWalSnd->state >= WALSNDSTATE_CATCHUP;
}

bool applies_replication() noexcept {
#if PG_VERSION_NUM >= 100000 // 10: subscriptions
    return IsLogicalWorker();
#else
    return false;
#endif
}

} // namespace sessionctl::compat
