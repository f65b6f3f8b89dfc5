#include "core/session.hpp"

namespace sessionctl::core {

const char* state_name(State state) noexcept {
    switch (state) {
    case State::undefined:
        return nullptr;
    case State::starting:
        return "starting";
    case State::idle:
        return "idle";
    case State::active:
        return "active";
    case State::idle_in_transaction:
        return "idle in transaction";
    case State::fastpath:
        return "fastpath function call";
    case State::idle_in_transaction_aborted:
        return "idle in transaction (aborted)";
    case State::disabled:
        return "disabled";
    }
    return nullptr;
}

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
    // Who may neither see nor signal it is not told what it is.
    if (session.kind == Kind::parallel_worker && (session.is_visible || session.may_signal))
        return Protection::parallel_worker;
    if (session.kind == Kind::other)
        return Protection::not_a_client;
    if (is_walsender(session.kind) && !inclusion.replication &&
        !(session.kind == Kind::database_walsender && inclusion.database_walsenders))
        return Protection::replication;
    if (session.is_superuser && !inclusion.superusers)
        return Protection::superuser;
    if (session.is_protected)
        return Protection::protected_role;
    if (!session.may_signal)
        return Protection::permission_denied;
    return Protection::none;
}

} // namespace sessionctl::core
