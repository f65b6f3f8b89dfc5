// The groups of arguments that many functions share, in the order in which the SQL script declares them.
#pragma once

#include "api/arguments.hpp"
#include "api/run.hpp"

namespace sessionctl::api {

/// condition text, args text[]
void read_condition(Arguments& arguments, Request& request);
/// timeout interval
void read_timeout(Arguments& arguments, Request& request);
/// timeout interval, reason text
void read_wait(Arguments& arguments, Request& request);
/// include_superusers, include_replication, refuse_above, keep, keep_which, per
void read_guards(Arguments& arguments, Request& request);
/// cooldown interval
void read_cooldown(Arguments& arguments);

} // namespace sessionctl::api
