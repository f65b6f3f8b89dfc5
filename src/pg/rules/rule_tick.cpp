#include "pg/rules/rule_tick.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "nodes/primnodes.h"
}

namespace sessionctl::pg {

AsOwner::AsOwner(Oid owner) {
    GetUserIdAndSecContext(&user_, &security_context_);
    const bool is_superuser = call([owner] { return superuser_arg(owner); });
    SetUserIdAndSecContext(owner, security_context_ | (is_superuser ? 0 : SECURITY_LOCAL_USERID_CHANGE));
}

AsOwner::~AsOwner() {
    SetUserIdAndSecContext(user_, security_context_);
}

RuleTick::RuleTick()
    : memory_(CurrentMemoryContext), ages_(nullptr), taken_at_(monotonic_now()), all_(Roster::take()) {}

RuleTick::RuleTick(core::SessionAges& ages)
    : memory_(CurrentMemoryContext), ages_(&ages), taken_at_(monotonic_now()) {
    ages.tick(taken_at_, GetCurrentTimestamp());
    all_ = Roster::take();
    for (RosterEntry& entry : all_.entries)
        entry.shown = ages.corrected(entry.facts);
}

bool RuleTick::is_steady() const noexcept {
    return ages_ == nullptr || ages_->is_steady(monotonic_now(), GetCurrentTimestamp());
}

RuleTick::View& RuleTick::view_of(Oid owner) {
    for (View* view = views_; view != nullptr; view = view->next)
        if (view->owner == owner)
            return *view;
    const MemoryScope scope(memory_);
    const AsOwner as_owner(owner);
    auto* const view = static_cast<View*>(core::allocate(sizeof(View)));
    views_ = new (view)
        View{owner, all_.seen_by_current_user(), ResourceUse(view->roster), {InvalidOid, nullptr, 0}, views_};
    return *views_;
}

Oid called_function(const RangeTblFunction& function) {
    if (function.funcexpr == nullptr || !IsA(function.funcexpr, FuncExpr))
        return InvalidOid;
    const auto& call = *reinterpret_cast<const FuncExpr*>(function.funcexpr);
    return call.args == NIL ? call.funcid : InvalidOid;
}

const Roster& RuleTick::roster_for(Oid owner) {
    return view_of(owner).roster;
}

ResourceUse& RuleTick::resource_use_for(Oid owner) {
    return view_of(owner).resource_use;
}

namespace {

constexpr char activity_statement[] = "SELECT a.* FROM sessionctl._session_activity() AS a";

struct Copies {
    TupleDesc description;
    TupleTableSlot** first;
    std::size_t count;
    std::size_t capacity;
    MemoryContext memory;
};

void copy_row(TupleTableSlot* row, void* context) {
    auto& copies = *static_cast<Copies*>(context);
    const MemoryContext outer = MemoryContextSwitchTo(copies.memory);
    if (copies.description == nullptr)
        copies.description = CreateTupleDescCopy(row->tts_tupleDescriptor);
    if (copies.count == copies.capacity) {
        copies.capacity *= 2;
        copies.first =
            static_cast<TupleTableSlot**>(repalloc(copies.first, copies.capacity * sizeof(TupleTableSlot*)));
    }
    copies.first[copies.count++] = compat::copy_row(row, copies.description);
    MemoryContextSwitchTo(outer);
}

Oid scanned_function(const Query& query) {
    const auto& table = *static_cast<const RangeTblEntry*>(linitial(query.rtable));
    return called_function(*static_cast<const RangeTblFunction*>(linitial(table.functions)));
}

Node* no_parameter(ParseState*, ParamRef*) {
    return nullptr;
}

} // namespace

const ActivityRows& RuleTick::rows_for(Oid owner) {
    ActivityRows& rows = view_of(owner).rows;
    if (OidIsValid(rows.function))
        return rows;
    Node* const parsed = static_cast<Node*>(linitial(compat::parse(activity_statement)));
    Query* const query = compat::analyze(parsed, activity_statement, no_parameter, nullptr);
    const Oid function = scanned_function(*query);
    constexpr std::size_t first_capacity = 128;
    Copies copies = {nullptr, nullptr, 0, first_capacity, memory_};
    copies.first =
        static_cast<TupleTableSlot**>(MemoryContextAlloc(memory_, first_capacity * sizeof(TupleTableSlot*)));
    compat::execute(compat::plan(query, activity_statement), activity_statement, copy_row, &copies);
    rows = {function, copies.first, copies.count};
    return rows;
}

} // namespace sessionctl::pg
