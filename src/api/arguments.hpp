// The arguments of a function that SQL calls, read in order, with an error for each NULL that has no meaning.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/options.hpp"
#include "pg/condition/condition.hpp"

#include <optional>

namespace sessionctl::api {

/// Texts live in the memory context of the call, so that an error may point into them.
class Arguments {
  public:
    explicit Arguments(FunctionCallInfo call, int first = 0) noexcept : call_(call), next_(first) {}

    /// Errors: 22004 for NULL, with this hint.
    const char* text(const char* name, const char* hint = "");
    const char* text_or_null();
    bool boolean(const char* name);
    std::int32_t integer(const char* name);
    Oid oid(const char* name);
    std::optional<std::int32_t> integer_or_null();
    core::Interval interval(const char* name);
    /// Errors: 22023 for a negative one.
    Datum age(const char* name);
    core::Timestamp age_in_microseconds(const char* name); // saturates
    std::optional<core::Interval> interval_or_null();
    /// None for NULL and for 'infinity'.
    std::optional<core::Timestamp> timestamp_or_null();
    /// text[]. Errors: 22004 for a NULL in it.
    core::vector<const char*> texts(const char* name);
    /// text[] as query parameters $1, $2 ... of the condition.
    void parameters(const char* name, pg::Condition& condition);

  private:
    bool next_is_null() const noexcept;
    void require(const char* name, const char* hint = "");
    Datum take() noexcept;

    FunctionCallInfo call_;
    int next_;
};

} // namespace sessionctl::api
