// Where the session table and the process array meet: a session has the same number in both.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::compat {

/// The entries of the session table.
int status_slots() noexcept;

#if PG_VERSION_NUM < 100000 // 10: the session table tells
bool is_autovacuum_process(int index, int pid);
#endif

} // namespace sessionctl::compat
