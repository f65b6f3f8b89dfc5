// Logins, just after authentication.
#include "compat/port.hpp"

extern "C" {
#include "libpq/auth.h"
#include "postmaster/postmaster.h"
#include "replication/walsender.h"
}

namespace sessionctl::compat {

LoginHook exchange_login_hook(LoginHook hook) noexcept {
    return std::exchange(ClientAuthentication_hook, hook);
}

const char* role_of_login(const Port* port) noexcept {
    return port->user_name;
}

bool is_by_password(const Port* port) noexcept {
    if (port->hba == nullptr)
        return false;
    switch (port->hba->auth_method) {
    case uaPassword:
    case uaMD5:
#if PG_VERSION_NUM >= 100000 // 10: SCRAM
    case uaSCRAM:
#endif
        return true;
    default:
        return false;
    }
}

const char* application_of_login(const Port* port) noexcept {
#if PG_VERSION_NUM >= 120000 // 12: found when the request is read
    return port->application_name != nullptr ? port->application_name : "";
#else
    const char* application = "";
    for (const ListCell* cell = list_head(port->guc_options); cell != nullptr; cell = lnext(lnext(cell)))
        if (std::strcmp(static_cast<const char*>(lfirst(cell)), "application_name") == 0)
            application = static_cast<const char*>(lfirst(lnext(cell))); // the last one counts
    return application;
#endif
}

const SockAddr& address_of_login(const Port* port) noexcept {
    return port->raddr;
}

core::Kind own_kind() noexcept {
    if (!am_walsender)
        return core::Kind::client;
    return am_db_walsender ? core::Kind::database_walsender : core::Kind::walsender;
}

#if PG_VERSION_NUM >= 90500
const char* const slot_user = "active_pid";
#else
const char* const slot_user = "0";
#endif

#if PG_VERSION_NUM >= 170000
const char* const slot_is_own = "NOT temporary AND NOT synced";
#elif PG_VERSION_NUM >= 100000
const char* const slot_is_own = "NOT temporary";
#else
const char* const slot_is_own = "true";
#endif

int authentication_timeout() noexcept {
    return AuthenticationTimeout;
}

int reserved_connections() noexcept {
#if PG_VERSION_NUM >= 160000 // 16: pg_use_reserved_connections has slots, too
    return SuperuserReservedConnections + ReservedConnections;
#else
    return ReservedBackends;
#endif
}

bool has_free_slots(int count) {
#if PG_VERSION_NUM >= 160000 // 16: tells how many
    int free;
    return HaveNFreeProcs(count, &free);
#else
    return HaveNFreeProcs(count);
#endif
}

bool set_immediate_interrupts([[maybe_unused]] bool are_allowed) noexcept {
#if PG_VERSION_NUM < 90500 // 9.5: interrupts wait for CHECK_FOR_INTERRUPTS() during authentication, too
    const bool were_allowed = ImmediateInterruptOK;
    ImmediateInterruptOK = are_allowed;
    return were_allowed;
#else
    return false;
#endif
}

} // namespace sessionctl::compat
