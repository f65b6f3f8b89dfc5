#include "pg/rules/kept_plan.hpp"

#include "pg/error.hpp"

extern "C" {
#include "nodes/plannodes.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
}

namespace sessionctl::pg {

namespace {

template <typename Tree>
Tree* copy_of(Tree* tree) {
    return static_cast<Tree*>(compat::copy_of_tree(tree));
}

KeptPlan* first = nullptr;
bool is_watching = false;
std::uint64_t change_count = 0;

} // namespace

std::uint64_t KeptPlan::changes() noexcept {
    return change_count;
}

KeptPlan::KeptPlan(MemoryContext parent)
    : memory_(call([parent] { return compat::create_context(parent, "plan of a session rule"); })),
      next_(first) {
    if (!is_watching)
        call([] { compat::watch_catalogs(relation_changed, item_changed, other_changed); });
    is_watching = true;
    first = this;
}

KeptPlan::~KeptPlan() {
    KeptPlan** link = &first;
    while (*link != this)
        link = &(*link)->next_;
    *link = next_;
    MemoryContextDelete(memory_);
}

void KeptPlan::keep(PlannedStmt* plan, List* relations, List* items, std::uint64_t changes) {
    discard();
    if (changes != change_count)
        return;
    call([=] {
        MemoryContextReset(memory_);
        const MemoryContext outer = MemoryContextSwitchTo(memory_);
        relations_ = list_concat(list_copy(relations), list_copy(plan->relationOids));
        items_ = list_concat(copy_of(items), copy_of(plan->invalItems));
        plan_ = copy_of(plan);
        MemoryContextSwitchTo(outer);
    });
}

PlannedStmt* KeptPlan::locked() {
    if (plan_ != nullptr)
        call([this] {
            const ListCell* cell;
            foreach (cell, relations_)
                LockRelationOid(lfirst_oid(cell), AccessShareLock);
        });
    return plan_;
}

template <typename IsAffected>
void KeptPlan::discard_each(IsAffected&& is_affected) noexcept {
    ++change_count;
    for (KeptPlan* each = first; each != nullptr; each = each->next_)
        if (each->plan_ != nullptr && is_affected(*each))
            each->discard();
}

void KeptPlan::relation_changed(Oid relation) noexcept {
    discard_each([relation](const KeptPlan& each) {
        return !OidIsValid(relation) || list_member_oid(each.relations_, relation);
    });
}

void KeptPlan::item_changed(int cache, uint32 hash) noexcept {
    discard_each([=](const KeptPlan& each) {
        const ListCell* cell;
        foreach (cell, each.items_) {
            const auto& item = *static_cast<const PlanInvalItem*>(lfirst(cell));
            if (static_cast<int>(item.cacheId) == cache && (hash == 0 || item.hashValue == hash))
                return true;
        }
        return false;
    });
}

void KeptPlan::other_changed() noexcept {
    discard_each([](const KeptPlan&) { return true; });
}

} // namespace sessionctl::pg
