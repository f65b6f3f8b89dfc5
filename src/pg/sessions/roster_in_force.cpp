#include "pg/sessions/roster_in_force.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace sessionctl::pg {

namespace {

RosterInForce* in_force = nullptr;

} // namespace

RosterInForce::RosterInForce(const Roster& roster) noexcept
    : own_(roster), resource_use_(*own_), outer_(in_force) {
    in_force = this;
}

RosterInForce::RosterInForce(ResourceUse& resource_use) noexcept
    : resource_use_(resource_use), outer_(in_force) {
    in_force = this;
}

RosterInForce::~RosterInForce() {
    in_force = outer_;
}

RosterInForce* RosterInForce::current() noexcept {
    return in_force != nullptr && in_force->roster().viewer == GetUserId() ? in_force : nullptr;
}

} // namespace sessionctl::pg
