#include "api/keep_out/login_settings.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace sessionctl::api {

using pg::Lockable;

namespace {

core::LoginSettings login_settings_in(Lockable kind, HeapTuple tuple) noexcept {
    // A role is locked out by NOLOGIN, which holds for superusers, too. Its connection limit is not changed.
    if (kind == Lockable::role)
        return {core::LoginSettings::unlimited,
                reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin};
    const auto& row = *reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    return {row.datconnlimit, row.datallowconn};
}

} // namespace

std::optional<core::LoginSettings> find_login_settings(Lockable kind, Oid oid) {
    return pg::call([=]() -> std::optional<core::LoginSettings> {
        const HeapTuple tuple =
            SearchSysCache1(kind == Lockable::role ? AUTHOID : DATABASEOID, ObjectIdGetDatum(oid));
        if (!HeapTupleIsValid(tuple))
            return std::nullopt;
        const core::LoginSettings settings = login_settings_in(kind, tuple);
        ReleaseSysCache(tuple);
        return settings;
    });
}

core::LoginSettings login_settings_of(Lockable kind, Oid oid) {
    const std::optional<core::LoginSettings> settings = find_login_settings(kind, oid);
    if (!settings)
        throw core::Error(kind == Lockable::role ? core::sqlstate::undefined_object
                                                 : core::sqlstate::undefined_database,
                          "%s with OID %u does not exist", pg::noun(kind), oid);
    return *settings;
}

core::LoginSettings login_settings_before(Lockable kind, const char* name, CommandId command) {
    return pg::call([=] {
        const bool is_role = kind == Lockable::role;
        PushCopiedSnapshot(GetLatestSnapshot());
        const Snapshot snapshot = GetActiveSnapshot();
        snapshot->curcid = command;
        const AttrNumber name_column = // NOLINTNEXTLINE(bugprone-branch-clone): two numbers that may be equal
            is_role ? Anum_pg_authid_rolname : Anum_pg_database_datname;
        ScanKeyData key;
        ScanKeyInit(&key, name_column, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(name));
        const Relation relation =
            relation_open(is_role ? AuthIdRelationId : DatabaseRelationId, AccessShareLock);
        const SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot, 1, &key);
        const HeapTuple tuple = systable_getnext(scan);
        const core::LoginSettings settings =
            HeapTupleIsValid(tuple) ? login_settings_in(kind, tuple) : core::LoginSettings{0, false};
        systable_endscan(scan);
        relation_close(relation, AccessShareLock);
        PopActiveSnapshot();
        return settings;
    });
}

} // namespace sessionctl::api
