#include "core/sessions/protection.hpp"

namespace sessionctl::core {

const char* protection_name(Protection protection) noexcept {
    switch (protection) {
    case Protection::none:
        return nullptr;
    case Protection::self:
        return "self";
    case Protection::parallel_worker:
        return "parallel worker";
    case Protection::not_a_client:
        return "not a client";
    case Protection::background_process:
        return "background process";
    case Protection::replication:
        return "replication";
    case Protection::superuser:
        return "superuser";
    case Protection::protected_role:
        return "protected role";
    case Protection::permission_denied:
        return "permission denied";
    }
    return nullptr;
}

Protection protection_of(const Session& session, Inclusion inclusion) noexcept {
    if (session.is_self)
        return Protection::self;
    // The kind is not disclosed to a caller who may neither see nor signal it.
    const bool is_disclosed = session.is_visible || session.may_signal;
    if (session.kind == Kind::parallel_worker && is_disclosed)
        return Protection::parallel_worker;
    const bool is_disclosed_background = is_background(session.kind) && is_disclosed;
    if (session.kind == Kind::other)
        return Protection::not_a_client;
    if (is_disclosed_background && !inclusion.background)
        return Protection::background_process;
    if (is_walsender(session.kind) && !inclusion.replication &&
        !(session.kind == Kind::database_walsender && inclusion.database_walsenders))
        return Protection::replication;
    // No user is behind a background process, though most have superuser rights.
    if (session.is_superuser && !inclusion.superusers && !is_disclosed_background)
        return Protection::superuser;
    if (session.is_protected && session.kind != Kind::autovacuum_worker) // it works for no role
        return Protection::protected_role;
    if (!session.may_signal)
        return Protection::permission_denied;
    return Protection::none;
}

Inclusion inclusion_for(const Session& session, Inclusion given) noexcept {
    Inclusion inclusion = given;
    for (;;) {
        switch (protection_of(session, inclusion)) {
        case Protection::none:
            return inclusion;
        case Protection::background_process:
            inclusion.background = true;
            break;
        case Protection::replication:
            inclusion.replication = true;
            break;
        case Protection::superuser:
            inclusion.superusers = true;
            break;
        default:
            return given;
        }
    }
}

} // namespace sessionctl::core
