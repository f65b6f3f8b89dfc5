#include "api/sessions/options.hpp"

#include "api/keep_out/lockdown_server.hpp"
#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "core/sessions/protection.hpp"
#include "miscadmin.h"
}

namespace sessionctl::api {

namespace {

/// The caller's own bound, or the setting's. The setting applies only to calls that act.
std::optional<std::int64_t> bound_of(std::optional<std::int32_t> own, core::Action action) {
    const bool looks = action == core::Action::count || action == core::Action::preview;
    const std::int32_t bound = own     ? core::checked_refuse_above(*own)
                               : looks ? 0
                                       : pg::refuse_above_setting();
    return bound > 0 ? std::optional<std::int64_t>(bound) : std::nullopt;
}

core::Interval length(Arguments& arguments, const char* name, const char* hint) {
    const std::optional<core::Interval> interval = arguments.interval_or_null();
    if (!interval)
        throw core::Error(core::sqlstate::invalid_parameter_value, "%s must not be null", name)
            .hint("%s", hint);
    return *interval;
}

} // namespace

void read_condition(Arguments& arguments, Request& request) {
    request.condition.text = arguments.text("condition", "Use 'true' to select every session.");
    arguments.parameters("args", request.condition);
}

void read_timeout(Arguments& arguments, Request& request) {
    request.timeout = core::checked_timeout(length(arguments, "timeout", core::timeout_hint));
}

void read_wait(Arguments& arguments, Request& request) {
    read_timeout(arguments, request);
    request.reason = arguments.text_or_null();
}

void read_escalation_options(Arguments& arguments, Request& request) {
    request.timeout = core::checked_step(length(arguments, "step", core::step_hint));
    request.closes_sockets = arguments.boolean("close_socket");
    request.reason = arguments.text_or_null();
    if (request.closes_sockets && !pg::call([] { return superuser(); }))
        throw core::Error(core::sqlstate::insufficient_privilege,
                          "permission denied to close the connections of clients")
            .detail("Only superusers may use close_socket.");
}

void read_inclusion(Arguments& arguments, Request& request) {
    request.offers_inclusion = true;
    core::Inclusion& include = request.guards.include;
    include.superusers = arguments.boolean("include_superusers");
    include.replication = arguments.boolean("include_replication");
    include.background = arguments.boolean("include_background");
}

void read_guards(Arguments& arguments, Request& request) {
    read_inclusion(arguments, request);
    core::Guards& guards = request.guards;
    guards.refuse_above = bound_of(arguments.integer_or_null(), request.action);
    guards.keep = core::checked_keep(arguments.integer("keep"));
    guards.keep_which = core::checked_keep_which(arguments.text("keep_which"));
    if (const char* const per = arguments.text_or_null())
        request.condition.per = pg::columns_named(per);
}

Request read_request(Arguments& arguments, core::Action action) {
    Request request;
    request.action = action; // refuse_above depends on it
    read_wait(arguments, request);
    read_guards(arguments, request);
    return request;
}

void read_cooldown(Arguments& arguments, Request& request) {
    request.cooldown = core::checked_cooldown(length(arguments, "cooldown", core::cooldown_hint));
    if (request.cooldown == 0)
        return;
    pg::require_shared_memory("cooldown");
    require_gate_setting();
}

} // namespace sessionctl::api
