// A plan that is kept until something that it depends on changes.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// What happens to tables, functions and the like reaches it at the begin of each transaction, and when a
/// lock is taken.
class KeptPlan {
  public:
    explicit KeptPlan(MemoryContext parent);
    ~KeptPlan();
    KeptPlan(const KeptPlan&) = delete;
    KeptPlan& operator=(const KeptPlan&) = delete;

    /// How often anything has changed that a plan may depend on.
    static std::uint64_t changes() noexcept;
    /// Copies the plan and what it depends on, unless there was a change since `changes`, which were taken
    /// before it was made. Errors: PgError; there is no plan then.
    void keep(PlannedStmt* plan, List* relations, List* items, std::uint64_t changes);
    /// Locks what the plan reads until the transaction ends. Null if there is none, or it is outdated.
    PlannedStmt* locked();
    void discard() noexcept { plan_ = nullptr; }

  private:
    static void relation_changed(Oid relation) noexcept;
    static void item_changed(int cache, uint32 hash) noexcept;
    static void other_changed() noexcept;
    template <typename IsAffected>
    static void discard_each(IsAffected&& is_affected) noexcept;

    MemoryContext memory_;
    PlannedStmt* plan_ = nullptr;
    List* relations_ = NIL; // OIDs
    List* items_ = NIL;     // PlanInvalItems
    KeptPlan* next_;
};

} // namespace sessionctl::pg
