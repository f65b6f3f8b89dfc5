#include "api/values.hpp"

namespace sessionctl::api {

Datum interval_of(int64 microseconds) {
    auto* const interval = static_cast<Interval*>(palloc0(sizeof(Interval)));
    const int64 length = std::max<int64>(microseconds, 0);
    interval->day = static_cast<int32>(length / USECS_PER_DAY);
    interval->time = length % USECS_PER_DAY;
    return IntervalPGetDatum(interval);
}

} // namespace sessionctl::api
