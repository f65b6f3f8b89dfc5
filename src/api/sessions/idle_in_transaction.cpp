// terminate_idle_in_transaction.

#include "api/serve.hpp"
#include "api/sessions/notices.hpp"
#include "api/sessions/options.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/disclosure.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;

namespace {

/// For the case that none was idle for so long. Hidden sessions are reported elsewhere.
void report_younger(const pg::Roster& roster) {
    const auto number = std::count_if(roster.entries.begin(), roster.entries.end(), [](const auto& entry) {
        return core::is_idle_in_transaction(entry.facts.state) && !entry.facts.is_self &&
               pg::may_tell(entry.facts);
    });
    api::report_below(static_cast<std::size_t>(number),
                      "%lu session is idle in a transaction, but not for longer than older_than",
                      "%lu sessions are idle in a transaction, but not for longer than older_than",
                      "A smaller older_than includes more of them.");
}

} // namespace

SQL_FUNCTION(sessionctl_terminate_idle_in_transaction)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        const Datum older_than = arguments.age("older_than");
        Request request = api::read_request(arguments, core::Action::terminate);
        request.recheck = core::Recheck::idleness;
        const pg::ScratchMemory scratch;
        const api::Result result =
            api::run_for(request, "idle_in_transaction_for > $1", {INTERVALOID, older_than});
        if (result.plan.empty())
            report_younger(result.roster);
        return Int64GetDatum(core::counted(result.plan, request.action));
    });
}
