#include "api/arguments.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace sessionctl::api {

namespace {

/// Inside pg::call.
char* text_of(Datum datum) {
    return TextDatumGetCString(datum);
}

char* copy_text(Datum datum) {
    return pg::call([datum] { return text_of(datum); });
}

struct Elements {
    Datum* values;
    bool* nulls;
    int count;
};

Elements elements_of(Datum array) {
    return pg::call([array] {
        Elements elements;
        deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, 'i', &elements.values,
                          &elements.nulls, &elements.count);
        return elements;
    });
}

core::Interval interval_from(Datum datum) noexcept {
    const Interval& interval = *DatumGetIntervalP(datum);
    return {interval.time, interval.day, interval.month, compat::is_infinite(interval)};
}

} // namespace

bool Arguments::next_is_null() const noexcept {
    const FunctionCallInfo fcinfo = call_;
    return PG_ARGISNULL(next_);
}

Datum Arguments::take() noexcept {
    const FunctionCallInfo fcinfo = call_;
    return PG_GETARG_DATUM(next_++);
}

void Arguments::require(const char* name, const char* hint) {
    if (!next_is_null())
        return;
    core::Error error(core::sqlstate::null_value_not_allowed, "argument \"%s\" must not be null", name);
    error.hint("%s", hint);
    throw error;
}

const char* Arguments::text(const char* name, const char* hint) {
    require(name, hint);
    return copy_text(take());
}

const char* Arguments::text_or_null() {
    const bool is_null = next_is_null();
    const Datum datum = take();
    return is_null ? nullptr : copy_text(datum);
}

bool Arguments::boolean(const char* name) {
    require(name);
    return DatumGetBool(take());
}

std::int32_t Arguments::integer(const char* name) {
    require(name);
    return DatumGetInt32(take());
}

Oid Arguments::oid(const char* name) {
    require(name);
    return DatumGetObjectId(take());
}

std::optional<std::int32_t> Arguments::integer_or_null() {
    const bool is_null = next_is_null();
    const Datum datum = take();
    return is_null ? std::nullopt : std::optional(DatumGetInt32(datum));
}

core::Interval Arguments::interval(const char* name) {
    require(name);
    return interval_from(take());
}

Datum Arguments::age(const char* name) {
    require(name);
    const Datum age = take();
    if (core::is_negative(interval_from(age)))
        throw core::Error(core::sqlstate::invalid_parameter_value, "%s must not be negative", name)
            .hint("Write '10 min' for ten minutes.");
    return age;
}

core::Timestamp Arguments::age_in_microseconds(const char* name) {
    return core::milliseconds_of(interval_from(age(name))) * core::microseconds_per_millisecond;
}

std::optional<core::Interval> Arguments::interval_or_null() {
    const bool is_null = next_is_null();
    const Datum datum = take();
    return is_null ? std::nullopt : std::optional(interval_from(datum));
}

std::optional<core::Timestamp> Arguments::timestamp_or_null() {
    const bool is_null = next_is_null();
    const Datum datum = take();
    if (is_null || TIMESTAMP_IS_NOEND(DatumGetTimestampTz(datum)))
        return std::nullopt;
    return DatumGetTimestampTz(datum);
}

core::vector<const char*> Arguments::texts(const char* name) {
    require(name);
    const Elements elements = elements_of(take());
    core::vector<const char*> texts;
    for (int i = 0; i < elements.count; ++i) {
        if (elements.nulls[i])
            throw core::Error(core::sqlstate::null_value_not_allowed, "argument \"%s\" must not contain null",
                              name);
        texts.push_back(copy_text(elements.values[i]));
    }
    return texts;
}

void Arguments::parameters(const char* name, pg::Condition& condition) {
    require(name);
    const Elements elements = elements_of(take());
    pg::call([&] {
        const auto [values, nulls, count] = elements;
        condition.arguments = count;
        condition.values = values;
        condition.types = static_cast<Oid*>(palloc(count * sizeof(Oid)));
        condition.nulls = static_cast<char*>(palloc(count));
        for (int i = 0; i < count; ++i) {
            condition.types[i] = UNKNOWNOID;
            condition.nulls[i] = nulls[i] ? 'n' : ' ';
            if (!nulls[i])
                values[i] = CStringGetDatum(text_of(values[i]));
        }
    });
}

} // namespace sessionctl::api
