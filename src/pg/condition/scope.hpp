// The settings and rights under which a condition is parsed and run.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Is another user in force than the one who is logged in or was SET ROLE to, as in a SECURITY DEFINER
/// function? Then the author of the condition, or the reader of its errors, may lack that user's rights.
bool is_under_other_user() noexcept;

/// While it lives:
///   create any;
/// - the transaction is read-only;
/// - the user stays the one who asked: core refuses SET ROLE and its like in a security-restricted operation.
/// Whatever the condition's functions set is undone by leave(); an error leaves that to the transaction's
/// abort.
class ConditionScope {
  public:
    ConditionScope();
    ~ConditionScope();
    ConditionScope(const ConditionScope&) = delete;
    ConditionScope& operator=(const ConditionScope&) = delete;

    void leave();

    /// Was another user in force when the condition was passed?
    bool is_under_other() const noexcept { return is_under_other_; }
    /// Was the operation security-restricted by core (REFRESH and the like), not by an outer condition?
    bool is_restricted_by_core() const noexcept { return is_restricted_by_core_; }

  private:
    const ConditionScope* const outer_;
    const bool was_read_only_;
    Oid user_;
    int security_context_;
    const bool is_restricted_by_core_;
    const bool is_under_other_;
    int guc_level_;
};

} // namespace sessionctl::pg
