#include "api/values.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace sessionctl::api {

Datum interval_of(int64 microseconds) {
    auto* const interval = static_cast<Interval*>(palloc0(sizeof(Interval)));
    const int64 length = std::max<int64>(microseconds, 0);
    interval->day = static_cast<int32>(length / USECS_PER_DAY);
    interval->time = length % USECS_PER_DAY;
    return IntervalPGetDatum(interval);
}

// Up to 10 construct_array() gives an array without elements a dimension, and it does not equal '{}'.
Datum integers_of(const core::vector<int>& integers) {
    if (integers.empty())
        return PointerGetDatum(construct_empty_array(INT4OID));
    auto* const values = static_cast<Datum*>(palloc(integers.size() * sizeof(Datum)));
    std::transform(integers.begin(), integers.end(), values, [](int value) { return Int32GetDatum(value); });
    return PointerGetDatum(
        construct_array(values, static_cast<int>(integers.size()), INT4OID, sizeof(int32), true, 'i'));
}

} // namespace sessionctl::api
