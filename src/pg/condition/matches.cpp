#include "pg/condition/matches.hpp"

extern "C" {
#include "executor/tuptable.h"
}

namespace sessionctl::pg {

namespace {

constexpr std::size_t first_capacity = 64;

/// Of a row whose first column is the pid.
std::string_view group_in(TupleTableSlot* row, MemoryContext memory) {
    const int columns = row->tts_tupleDescriptor->natts;
    if (columns == 1)
        return {};
    GroupText group;
    for (int column = 2; column <= columns; ++column) {
        bool is_null;
        const Datum value = slot_getattr(row, column, &is_null);
        group.add(value, is_null);
    }
    return group.copy_in(memory);
}

void add_row(TupleTableSlot* row, void* context) {
    auto& matches = *static_cast<MatchList*>(context);
    bool is_null;
    const Datum pid = slot_getattr(row, 1, &is_null);
    matches.add(pid, is_null, group_in(row, matches.memory()));
}

} // namespace

void GroupText::add(Datum value, bool is_null) {
    if (!is_null)
        appendStringInfoString(&text_, TextDatumGetCString(value));
    appendStringInfoChar(&text_, '\0');
}

std::string_view GroupText::copy_in(MemoryContext memory) const {
    auto* const copy = static_cast<char*>(MemoryContextAlloc(memory, text_.len));
    std::memcpy(copy, text_.data, text_.len);
    return {copy, static_cast<std::size_t>(text_.len)};
}

MatchList* MatchList::make() {
    auto* const list = static_cast<MatchList*>(palloc(sizeof(MatchList)));
    list->memory_ = CurrentMemoryContext;
    list->first_ = static_cast<Match*>(palloc(first_capacity * sizeof(Match)));
    list->count_ = 0;
    list->capacity_ = first_capacity;
    return list;
}

void MatchList::add(Datum pid, bool is_null, std::string_view group) {
    if (is_null)
        elog(ERROR, "a session without a process ID matched");
    if (count_ == capacity_) {
        capacity_ *= 2;
        first_ = static_cast<Match*>(repalloc(first_, capacity_ * sizeof(Match)));
    }
    first_[count_++] = {DatumGetInt32(pid), group};
}

void execute(PlannedStmt* plan, const Statement& statement, MatchList& matches) {
    compat::execute(plan, statement.text.c_str(), add_row, &matches);
}

} // namespace sessionctl::pg
