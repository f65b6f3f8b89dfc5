// Values of sessions as SQL types. Raise PostgreSQL errors: use inside pg::call.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "pg/clients/client_address.hpp"

extern "C" {
#include "utils/inet.h"
}

namespace sessionctl::api {

/// A length of time as core shows one: '1 day 02:03:04', not '26:03:04'. Negative ones (a clock set back) are
/// 0.
Datum interval_of(int64 microseconds);

/// integer[]
Datum integers_of(const core::vector<int>& integers);

inline Datum inet_of(const pg::ClientAddress& client) {
    return DirectFunctionCall1(inet_in, CStringGetDatum(client.host));
}

} // namespace sessionctl::api
