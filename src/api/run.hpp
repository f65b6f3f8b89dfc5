// One call, from the condition to the proof: what every function that counts, shows, cancels or ends goes
// through.
#pragma once

#include "core/engine.hpp"
#include "core/options.hpp"
#include "pg/condition.hpp"
#include "pg/roster.hpp"

namespace sessionctl::api {

struct Request {
    core::Action action = core::Action::count;
    core::Recheck recheck = core::Recheck::identity;
    pg::Condition condition = {};
    core::Guards guards;
    std::int64_t timeout = 0; // ms; 0 = signal and return
    const char* reason = nullptr;
};

struct Result {
    pg::Roster roster;
    core::Plan plan;
};

/// Errors: the condition's own, 54000 (refuse_above). Tells the caller in a NOTICE what was matched but not
/// counted, in a WARNING what would not go. Needs a scratch memory around it.
Result run(const Request& request);

} // namespace sessionctl::api
