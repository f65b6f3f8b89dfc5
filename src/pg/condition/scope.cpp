#include "pg/condition/scope.hpp"

#include "pg/error.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::pg {

namespace {

struct Pin {
    const char* parameter;
    const char* value;
};

/// Settings that change how a condition is read: the caller may have others than its author.
constexpr Pin pins[] = {
    {"search_path", "pg_catalog, sessionctl, pg_temp"},
    {"standard_conforming_strings", "on"},
    {"backslash_quote", "safe_encoding"},
    {"escape_string_warning", "off"},
    {"transform_null_equals", "off"},
    {"array_nulls", "on"},
    {"xmloption", "content"},
};

/// A caller with its own rights may write times in its own format.
constexpr TimeFormats formats_under_other = {"ISO, MDY", "postgres", "UTC"};

void pin_all() {
    for (const Pin& one : pins)
        compat::set_known_parameter_locally(one.parameter, one.value); // 19 lacks one of them
}

void pin_formats(const TimeFormats& formats) {
    compat::set_known_parameter_locally("DateStyle", formats.date_style);
    compat::set_known_parameter_locally("IntervalStyle", formats.interval_style);
    compat::set_known_parameter_locally("TimeZone", formats.time_zone);
}

const ConditionScope* innermost_scope = nullptr;

bool has_security_flag(int flag) noexcept {
    Oid user;
    int security_context;
    GetUserIdAndSecContext(&user, &security_context);
    return (security_context & flag) != 0;
}

/// A condition may call a function that evaluates another condition: then the restriction is our own.
bool is_restricted_by_core() noexcept {
    return has_security_flag(SECURITY_RESTRICTED_OPERATION) &&
           (innermost_scope == nullptr || innermost_scope->is_restricted_by_core());
}

} // namespace

bool is_under_other_user() noexcept {
    return has_security_flag(SECURITY_LOCAL_USERID_CHANGE) || is_restricted_by_core();
}

ConditionScope::ConditionScope(const TimeFormats* formats)
    : outer_(innermost_scope), was_read_only_(XactReadOnly),
      is_restricted_by_core_(pg::is_restricted_by_core()), is_under_other_(is_under_other_user()) {
    GetUserIdAndSecContext(&user_, &security_context_);
    if (formats == nullptr && is_under_other_)
        formats = &formats_under_other;
    guc_level_ = call([formats] {
        const int level = NewGUCNestLevel();
        pin_all();
        if (formats != nullptr)
            pin_formats(*formats);
        return level;
    });
    XactReadOnly = true;
    SetUserIdAndSecContext(user_, security_context_ | SECURITY_RESTRICTED_OPERATION);
    innermost_scope = this;
}

ConditionScope::~ConditionScope() {
    innermost_scope = outer_;
    SetUserIdAndSecContext(user_, security_context_);
    XactReadOnly = was_read_only_;
}

void ConditionScope::leave() {
    call([this] { AtEOXact_GUC(false, guc_level_); });
}

} // namespace sessionctl::pg
