// The port: what the server knows of the client of this process.
#pragma once

#include "compat/postgres.hpp"

// The port's fields after the ones that are read are not needed: without this, headers of a library that the
// server was built with would be.
#undef USE_OPENSSL
#undef USE_SSL
#undef ENABLE_GSS
#undef ENABLE_SSPI

extern "C" {
#include "libpq/libpq-be.h"
}
