// The role of a login, as it was when its client was authenticated.
#pragma once

#include "compat/postgres.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace sessionctl::hooks {

/// Core looks the role up by its name once more when the login goes on. Where that is much later, the name
/// may be another role's by then, or the password another one. Raises what a look-up raises.
struct AuthenticatedRole {
    Oid oid;              // InvalidOid: there is no role of that name
    const char* password; // as stored; null: none
    TimestampTz valid_until;
    TimestampTz looked_up_at;

    /// At first as authentication has found it, if nothing has accepted invalidations since.
    static AuthenticatedRole named(const char* name);
    /// Refuses the login where the role is gone, or its client would have to be authenticated anew; the
    /// password counts only where the client has given it.
    void require_still(const char* name, bool by_password) const;
};

} // namespace sessionctl::hooks
