#include "hooks/authenticated_role.hpp"

#include "pg/encoding.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
}

// As in the gate, errors are FATAL here: nothing has a destructor, throws or needs pg::call.

namespace sessionctl::hooks {

namespace {

bool is_same(const char* a, const char* b) noexcept {
    return a == nullptr || b == nullptr ? a == b : std::strcmp(a, b) == 0;
}

[[noreturn]] void refuse_other_role(const char* name) {
    ereport(FATAL, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
                    errmsg("role \"%s\" is another one than when its client was authenticated",
                           pg::ShownName(name).text()),
                    errhint("Log in again.")));
    pg_unreachable();
}

[[noreturn]] void refuse_old_password(const char* name) {
    ereport(FATAL, (errcode(ERRCODE_INVALID_PASSWORD),
                    errmsg("the password of role \"%s\" was changed or expired while its login was held",
                           pg::ShownName(name).text()),
                    errhint("Log in again.")));
    pg_unreachable();
}

/// Core would say so, too, but if there is one again by then it would let that in.
[[noreturn]] void refuse_missing_role(const char* name) {
    ereport(FATAL, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
                    errmsg("role \"%s\" does not exist", pg::ShownName(name).text())));
    pg_unreachable();
}

} // namespace

AuthenticatedRole AuthenticatedRole::named(const char* name) {
    AuthenticatedRole found = {get_role_oid(name, true), nullptr, DT_NOEND, GetCurrentTimestamp()};
    const HeapTuple role = SearchSysCache1(AUTHNAME, PointerGetDatum(name));
    if (!HeapTupleIsValid(role))
        return found;
    bool is_null;
    const Datum password = SysCacheGetAttr(AUTHNAME, role, Anum_pg_authid_rolpassword, &is_null);
    if (!is_null)
        found.password = TextDatumGetCString(password);
    const Datum valid_until = SysCacheGetAttr(AUTHNAME, role, Anum_pg_authid_rolvaliduntil, &is_null);
    if (!is_null)
        found.valid_until = DatumGetTimestampTz(valid_until);
    ReleaseSysCache(role);
    return found;
}

void AuthenticatedRole::require_still(const char* name, bool by_password) const {
    const AuthenticatedRole now = named(name);
    if (!OidIsValid(now.oid))
        refuse_missing_role(name);
    if (now.oid != oid)
        refuse_other_role(name);
    const bool has_expired = valid_until >= looked_up_at && valid_until < now.looked_up_at;
    const bool is_other = !is_same(now.password, password) || now.valid_until != valid_until;
    if (by_password && (is_other || has_expired))
        refuse_old_password(name);
    if (now.password != nullptr)
        pfree(const_cast<char*>(now.password));
}

} // namespace sessionctl::hooks
