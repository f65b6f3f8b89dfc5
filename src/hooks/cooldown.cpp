#include "hooks/cooldown.hpp"

#include "core/shown_text.hpp"
#include "pg/clients/client_address.hpp"
#include "pg/monotonic.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "utils/acl.h"
}

// As in hooks/gate.cpp nothing here has a destructor, throws or needs pg::call.

namespace sessionctl::hooks {

namespace {

[[noreturn]] void refuse(const Port* port, const core::Cooldown& cooldown) {
    char application[core::Origin::application_size + 32] = "";
    if (cooldown.login.origin.application[0] != '\0')
        std::snprintf(application, sizeof application, " with application \"%s\"",
                      cooldown.login.origin.application);
    const core::OneLine<2 * core::GateState::by_size> by(cooldown.by);
    const core::OneLine<4 * NAMEDATALEN> role(compat::role_of_login(port));
    char who[2 * core::GateState::by_size + 32] = "";
    if (cooldown.by[0] != '\0')
        std::snprintf(who, sizeof who, " by role \"%s\"", by.text());
    ereport(FATAL, (errcode(ERRCODE_CANNOT_CONNECT_NOW),
                    errmsg("role \"%s\"%s may not log in for another %ld s", role.text(), application,
                           static_cast<long>(core::seconds_left(cooldown, pg::monotonic_now()))),
                    errdetail("Its sessions from this address were ended%s with a cooldown%s%s", who,
                              cooldown.reason[0] != '\0' ? ": " : ".", cooldown.reason)));
    pg_unreachable();
}

bool is_in_cooldown(const Port* port, core::Cooldown& found) {
    const pg::SessionSlot* const slot = pg::session_slot(compat::own_slot());
    if (slot == nullptr)
        return false;
    const Oid role = get_role_oid(compat::role_of_login(port), true);
    // Core itself refuses a role that does not exist.
    return OidIsValid(role) && pg::find_cooldown({role, slot->origin}, found) && !superuser_arg(role);
}

} // namespace

void note_origin(const Port* port) noexcept {
    if (pg::SessionSlot* const slot = pg::session_slot(compat::own_slot())) {
        slot->origin.host = pg::host_of(compat::address_of_login(port));
        slot->origin.set_application(compat::application_of_login(port));
    }
}

void refuse_in_cooldown(const Port* port) {
    if (pg::shared_memory()->cooldowns.are_over() || compat::own_kind() == core::Kind::walsender)
        return;
    const bool were_allowed = compat::set_immediate_interrupts(false);
    core::Cooldown found;
    if (is_in_cooldown(port, found))
        refuse(port, found);
    compat::set_immediate_interrupts(were_allowed);
}

} // namespace sessionctl::hooks
