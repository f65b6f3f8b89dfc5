#include "api/rows.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace sessionctl::api {

namespace {

/// Describes the rows that the function is declared to return; a scalar type is one column.
TupleDesc description_of(FunctionCallInfo call, const ReturnSetInfo& result) {
    TupleDesc description;
    switch (get_call_result_type(call, nullptr, &description)) {
    case TYPEFUNC_COMPOSITE:
        return description;
    case TYPEFUNC_SCALAR:
        return CreateTupleDescCopy(result.expectedDesc);
    default:
        elog(ERROR, "return type must be a row type");
    }
}

} // namespace

Rows::Rows(FunctionCallInfo call) {
    auto* const result = reinterpret_cast<ReturnSetInfo*>(call->resultinfo);
    if (result == nullptr || !IsA(result, ReturnSetInfo) || (result->allowedModes & SFRM_Materialize) == 0 ||
        result->expectedDesc == nullptr)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("set-valued function called in context that cannot accept a set")));
    const MemoryContext outer = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
    description_ = description_of(call, *result);
    store_ = tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
    result->returnMode = SFRM_Materialize;
    result->setResult = store_;
    result->setDesc = description_;
    MemoryContextSwitchTo(outer);
}

void Rows::put(Datum* values, bool* nulls, int columns) {
    if (columns != description_->natts)
        elog(ERROR, "a row has %d columns where %d are declared", columns, description_->natts);
    tuplestore_putvalues(store_, description_, values, nulls);
}

} // namespace sessionctl::api
