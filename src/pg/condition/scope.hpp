// What surrounds a condition from its first look-up to its last row.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Has somebody else's code, a SECURITY DEFINER function for one, taken the rights that are in force? Then
/// whoever wrote what runs, or reads what it says, may be without them.
bool is_under_other_user() noexcept;

/// While it lives:
/// - what lexer, parser and input functions obey is pinned, and names are looked up where nobody else may
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

    /// Was it, where the condition was asked for?
    bool is_under_other() const noexcept { return is_under_other_; }
    /// By a REFRESH or the like, not by a condition further out?
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
