// safe_count, preview_where, cancel_where, terminate_where, terminate_report, drain_where.

#include "api/serve.hpp"
#include "api/sessions/options.hpp"
#include "api/sessions/report.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"

using namespace sessionctl;
using api::Arguments;
using api::Request;
using core::Action;

namespace {

Datum run_and_count(const Request& request) {
    const pg::ScratchMemory scratch;
    return Int64GetDatum(core::counted(api::run(request).plan, request.action));
}

Datum run_and_report(const Request& request, FunctionCallInfo fcinfo) {
    const pg::ScratchMemory scratch;
    return api::put_report(api::run(request), fcinfo);
}

/// The parameters of functions that only read: A, G.
Request looking(Action action, FunctionCallInfo fcinfo) {
    Arguments arguments(fcinfo);
    Request request;
    request.action = action;
    api::read_condition(arguments, request);
    api::read_guards(arguments, request);
    return request;
}

/// The parameters of functions that act: A, W, G and for terminate cooldown.
Request acting(Action action, FunctionCallInfo fcinfo) {
    Arguments arguments(fcinfo);
    Request request;
    request.action = action;
    request.recheck = action == Action::cancel ? core::Recheck::statement : core::Recheck::identity;
    api::read_condition(arguments, request);
    api::read_wait(arguments, request);
    api::read_guards(arguments, request);
    if (action == Action::terminate)
        api::read_cooldown(arguments, request);
    return request;
}

/// The parameters of drain_where: A, timeout, force, reason, G.
Request draining(FunctionCallInfo fcinfo) {
    Arguments arguments(fcinfo);
    Request request;
    request.action = Action::drain;
    api::read_condition(arguments, request);
    api::read_timeout(arguments, request);
    request.force = arguments.boolean("force");
    request.reason = arguments.text_or_null();
    api::read_guards(arguments, request);
    return request;
}

} // namespace

SQL_FUNCTION(sessionctl_safe_count)
{
    return api::serve([&] { return run_and_count(looking(Action::count, fcinfo)); });
}

SQL_FUNCTION(sessionctl_preview_where)
{
    return api::serve([&] { return run_and_report(looking(Action::preview, fcinfo), fcinfo); });
}

SQL_FUNCTION(sessionctl_cancel_where)
{
    return api::serve([&] { return run_and_count(acting(Action::cancel, fcinfo)); });
}

SQL_FUNCTION(sessionctl_terminate_where)
{
    return api::serve([&] { return run_and_count(acting(Action::terminate, fcinfo)); });
}

SQL_FUNCTION(sessionctl_terminate_report)
{
    return api::serve([&] { return run_and_report(acting(Action::terminate, fcinfo), fcinfo); });
}

SQL_FUNCTION(sessionctl_drain_where)
{
    return api::serve([&] { return run_and_count(draining(fcinfo)); });
}
