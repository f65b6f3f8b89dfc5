// Analysing, planning and running one parsed statement, on every version.
#include "compat/postgres.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_node.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
#if PG_VERSION_NUM >= 160000 // 16: moved
#include "nodes/queryjumble.h"
#elif PG_VERSION_NUM >= 140000 // 14: core computes query identifiers
#include "utils/queryjumble.h"
#endif
}

namespace sessionctl::compat {

namespace {

/// As core does after its own analysis, so that extensions that count or audit statements see this one, too.
void announce([[maybe_unused]] ParseState* state, [[maybe_unused]] Query* query) {
#if PG_VERSION_NUM >= 140000
    JumbleState* jumbled = nullptr;
    if (IsQueryIdEnabled())
#if PG_VERSION_NUM >= 160000
        jumbled = JumbleQuery(query);
#else
        jumbled = JumbleQuery(query, state->p_sourcetext);
#endif
    if (post_parse_analyze_hook != nullptr)
        post_parse_analyze_hook(state, query, jumbled);
#else
    if (post_parse_analyze_hook != nullptr)
        post_parse_analyze_hook(state, query);
#endif
}

} // namespace

Query* analyze(Node* parsed, const char* text, Node* (*substitute)(ParseState*, ParamRef*), void* context) {
    ParseState* const state = make_parsestate(nullptr);
    state->p_sourcetext = text;
    state->p_paramref_hook = substitute;
    state->p_ref_hook_state = context;
#if PG_VERSION_NUM >= 100000 // 10: RawStmt
    Query* const query = transformTopLevelStmt(state, castNode(RawStmt, parsed));
#else
    Query* const query = transformTopLevelStmt(state, parsed);
#endif
    announce(state, query);
    free_parsestate(state);
    return query;
}

void* analysis_context(const ParseState* state) noexcept {
    return state->p_ref_hook_state;
}

PlannedStmt* plan(Query* query, [[maybe_unused]] const char* text) {
    List* const rewritten = QueryRewrite(query);
    if (list_length(rewritten) != 1)
        elog(ERROR, "rewriting a SELECT gave %d queries", list_length(rewritten));
    auto* const only = static_cast<Query*>(linitial(rewritten));
#if PG_VERSION_NUM >= 190000 // 19: EXPLAIN's state
    return pg_plan_query(only, text, 0, nullptr, nullptr);
#elif PG_VERSION_NUM >= 130000 // 13: the text
    return pg_plan_query(only, text, 0, nullptr);
#else
    return pg_plan_query(only, 0, nullptr);
#endif
}

namespace {

/// Passes each row to a function.
struct RowReceiver {
    DestReceiver base; // the first member: core knows only this
    void (*receive)(TupleTableSlot*, void*);
    void* context;
};

#if PG_VERSION_NUM >= 90600 // 9.6: the receiver may stop the executor
bool receive_row(TupleTableSlot* row, DestReceiver* receiver) {
    const auto& self = *reinterpret_cast<RowReceiver*>(receiver);
    self.receive(row, self.context);
    return true;
}
#else
void receive_row(TupleTableSlot* row, DestReceiver* receiver) {
    const auto& self = *reinterpret_cast<RowReceiver*>(receiver);
    self.receive(row, self.context);
}
#endif

void begin_rows(DestReceiver*, int, TupleDesc) noexcept {}
void end_rows(DestReceiver*) noexcept {}

} // namespace

void execute(PlannedStmt* plan, const char* text, void (*receive)(TupleTableSlot*, void*), void* context) {
    RowReceiver receiver = {};
    receiver.base.receiveSlot = receive_row;
    receiver.base.rStartup = begin_rows;
    receiver.base.rShutdown = end_rows;
    receiver.base.rDestroy = end_rows;
    receiver.base.mydest = DestNone;
    receiver.receive = receive;
    receiver.context = context;
    QueryDesc* const query =
        CreateQueryDesc(plan, text, GetActiveSnapshot(), InvalidSnapshot, &receiver.base, nullptr,
#if PG_VERSION_NUM >= 100000 // 10: transition tables
                        nullptr,
#endif
                        0);
    ExecutorStart(query, 0);
#if PG_VERSION_NUM >= 100000 && PG_VERSION_NUM < 180000 // 10 to 17: whether the plan runs once
    ExecutorRun(query, ForwardScanDirection, 0, true);
#else
    ExecutorRun(query, ForwardScanDirection, 0);
#endif
    ExecutorFinish(query);
    ExecutorEnd(query);
    FreeQueryDesc(query);
}

} // namespace sessionctl::compat
