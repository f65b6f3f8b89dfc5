// The groups of arguments that many functions share, in the order in which the SQL script declares them.
#pragma once

#include "api/arguments.hpp"
#include "api/sessions/run.hpp"

namespace sessionctl::api {

/// condition text, args text[]
void read_condition(Arguments& arguments, Request& request);
/// timeout interval
void read_timeout(Arguments& arguments, Request& request);
/// timeout interval, reason text
void read_wait(Arguments& arguments, Request& request);
/// step interval, close_socket boolean, reason text. Errors: 42501 for close_socket if the caller is no
/// superuser.
void read_escalation_options(Arguments& arguments, Request& request);
/// include_superusers, include_replication, include_background
void read_inclusion(Arguments& arguments, Request& request);
/// include_superusers, include_replication, include_background, refuse_above, keep, keep_which, per
void read_guards(Arguments& arguments, Request& request);
/// What recipes share after their own argument: read_wait and read_guards.
Request read_request(Arguments& arguments, core::Action action);
/// cooldown interval. Errors: 22023; 55000 if the gate is not in use.
void read_cooldown(Arguments& arguments, Request& request);

} // namespace sessionctl::api
