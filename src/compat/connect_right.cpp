// The right to connect to a database, and the commands that may take it.
#include "compat/postgres.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/syscache.h"
}

namespace sessionctl::compat {

namespace {

#if PG_VERSION_NUM >= 110000 // 11: one enumeration for all kinds of objects
constexpr auto of_databases = OBJECT_DATABASE;
#else
constexpr auto of_databases = ACL_OBJECT_DATABASE;
#endif

bool names(const List* options, const char* option) noexcept {
    const ListCell* cell;
    foreach (cell, options)
        if (std::strcmp(static_cast<const DefElem*>(lfirst(cell))->defname, option) == 0)
            return true;
    return false;
}

// 16: a membership that is granted again may become one without INHERIT.
bool takes_membership(const GrantRoleStmt& statement) noexcept {
#if PG_VERSION_NUM >= 160000
    if (names(statement.opt, "inherit"))
        return true;
#endif
    return !statement.is_grant;
}

bool has_connect(const Acl* rights, Oid role, Oid owner) {
    return aclmask(rights, role, owner, ACL_CONNECT, ACLMASK_ANY) != 0;
}

// 14: pg_database_owner stands for the owner of a database, but core applies it only inside that database.
bool has_connect_as_owner([[maybe_unused]] const Acl* rights, [[maybe_unused]] Oid role,
                          [[maybe_unused]] Oid owner) {
#if PG_VERSION_NUM >= 140000
    return has_privs_of_role(role, owner) && has_connect(rights, ROLE_PG_DATABASE_OWNER, owner);
#else
    return false;
#endif
}

} // namespace

bool may_connect(Oid role, Oid database) {
    if (superuser_arg(role) || !SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
        return true;
    const HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
    if (!HeapTupleIsValid(tuple))
        return true;
    const Oid owner = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datdba;
    bool has_default;
    const Datum stored = SysCacheGetAttr(DATABASEOID, tuple, Anum_pg_database_datacl, &has_default);
    Acl* const rights = has_default ? acldefault(of_databases, owner) : DatumGetAclPCopy(stored);
    ReleaseSysCache(tuple);
    const bool may = has_connect(rights, role, owner) || has_connect_as_owner(rights, role, owner);
    pfree(rights);
    return may;
}

bool may_take_connect(const Node* statement) noexcept {
    switch (nodeTag(statement)) {
    case T_GrantStmt: {
        const auto& grant = *reinterpret_cast<const GrantStmt*>(statement);
        return !grant.is_grant && grant.objtype == of_databases;
    }
    case T_GrantRoleStmt:
        return takes_membership(*reinterpret_cast<const GrantRoleStmt*>(statement));
    case T_AlterRoleStmt: {
        const auto& alter = *reinterpret_cast<const AlterRoleStmt*>(statement);
        constexpr int drops_members = -1; // ALTER GROUP
        return alter.action == drops_members || names(alter.options, "superuser") ||
               names(alter.options, "inherit");
    }
    case T_AlterOwnerStmt:
        return reinterpret_cast<const AlterOwnerStmt*>(statement)->objectType == OBJECT_DATABASE;
    case T_DropRoleStmt:
    case T_DropOwnedStmt:
    case T_ReassignOwnedStmt:
        return true;
    default:
        return false;
    }
}

} // namespace sessionctl::compat
