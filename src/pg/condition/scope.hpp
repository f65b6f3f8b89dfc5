// The settings and rights under which a condition is parsed and run.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Has other code, such as a SECURITY DEFINER function, changed the current user? Then the role that wrote
/// the condition, or that reads its errors, may lack that user's rights.
bool is_under_other_user() noexcept;

/// How a condition's times are read and written.
struct TimeFormats {
    const char* date_style;
    const char* interval_style;
    const char* time_zone;
};

/// While it lives:
/// - settings that change the lexer, the parser and input functions are fixed, and names are looked up only
/// in
///   schemas where no other role may create objects;
/// - the transaction is read-only;
/// - the current user stays the same: core refuses SET ROLE and its like in a security-restricted operation.
/// leave() undoes all settings made by the condition's functions; after an error the transaction's abort
/// does.
class ConditionScope {
  public:
    /// Without formats of the condition's own, those of the session hold, or under another user fixed ones.
    explicit ConditionScope(const TimeFormats* formats = nullptr);
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
