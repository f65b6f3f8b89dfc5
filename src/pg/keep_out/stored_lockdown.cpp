#include "pg/keep_out/stored_lockdown.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "catalog/indexing.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "commands/dbcommands.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

constexpr char parameter[] = "pg_sessionctl.lockdown";
constexpr char prefix[] = "pg_sessionctl.lockdown=";
char* own_value = nullptr; // not used in a session

/// The value of "parameter=value" among the settings; null if there is none.
const char* find_value(Datum settings) {
    Datum* items;
    bool* nulls;
    int count;
    deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, 'i', &items, &nulls, &count);
    for (int i = 0; i < count; ++i) {
        if (nulls[i]) // written by hand
            continue;
        const char* const item = TextDatumGetCString(items[i]);
        if (std::strncmp(item, prefix, sizeof prefix - 1) == 0)
            return item + sizeof prefix - 1;
    }
    return nullptr;
}

struct Setting {
    Oid database;
    Oid role;
    const char* value;
};

/// The settings of a database or a role; if both are invalid, of all.
core::vector<Setting> settings_of(Oid database, Oid role) {
    core::vector<Setting> found;
    const bool all = !OidIsValid(database) && !OidIsValid(role);
    call([&] {
        const Relation relation = relation_open(DbRoleSettingRelationId, AccessShareLock);
        ScanKeyData keys[2];
        ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
                    ObjectIdGetDatum(database));
        ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
                    ObjectIdGetDatum(role));
        const SysScanDesc scan =
            systable_beginscan(relation, DbRoleSettingDatidRolidIndexId, true, nullptr, all ? 0 : 2, keys);
        while (const HeapTuple tuple = systable_getnext(scan)) {
            bool is_null;
            const Datum settings =
                heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(relation), &is_null);
            const char* const value = is_null ? nullptr : find_value(settings);
            const auto& row = *reinterpret_cast<const FormData_pg_db_role_setting*>(GETSTRUCT(tuple));
            // It is never written for a role in one database.
            if (value != nullptr && (OidIsValid(row.setdatabase) != OidIsValid(row.setrole)))
                found.push_back({row.setdatabase, row.setrole, value});
        }
        systable_endscan(scan);
        relation_close(relation, AccessShareLock);
    });
    return found;
}

/// From 17 on, and in late releases of older ones (15.20), core's connection limits do not apply to
/// walsenders. A login reads its database's settings after it has the database's lock, so one that waited for
/// it during the lockdown comes here, too. Raises FATAL: no object here may have a destructor.
void refuse_walsender(GucSource source) {
    if (source != PGC_S_DATABASE || compat::own_kind() != core::Kind::database_walsender ||
        superuser_arg(GetSessionUserId()))
        return;
    const HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
    if (!HeapTupleIsValid(tuple))
        return; // dropped: core refuses the login
    const auto& row = *reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    // The limit may have been changed by hand.
    if (row.datconnlimit == 0)
        ereport(FATAL, (errcode(ERRCODE_TOO_MANY_CONNECTIONS),
                        errmsg("too many connections for database \"%s\"", NameStr(row.datname))));
    ReleaseSysCache(tuple);
}

extern "C" bool sessionctl_check_lockdown(char**, void**, GucSource source) {
    refuse_walsender(source);
    return true;
}

} // namespace

void define_lockdown_parameter() {
    DefineCustomStringVariable(
        parameter, "The settings from before a lockdown, which the unlock restores.",
        "It is written by lockdown_database and lockdown_role, and has no effect in a session.", &own_value,
        "", PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, sessionctl_check_lockdown,
        nullptr, nullptr);
}

std::optional<core::Lockdown> stored_lockdown(Lockable kind, Oid oid) {
    const bool is_database = kind == Lockable::database;
    const core::vector<Setting> found =
        settings_of(is_database ? oid : InvalidOid, is_database ? InvalidOid : oid);
    if (found.empty())
        return {};
    auto lockdown = core::read_lockdown(found.front().value);
    if (!lockdown)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "the settings that its lockdown has saved are not readable")
            .detail("The setting %s was changed by hand.", parameter)
            .hint("Use ALTER %s to open it and to RESET %s.", keyword(kind), parameter);
    return lockdown;
}

void store_lockdown(Lockable kind, const char* name, const core::Lockdown& lockdown) {
    core::string what("SET ");
    what.append(parameter);
    what.append(" TO '"); // plain ASCII without quotes
    what.append(core::written(lockdown));
    what.append("'");
    alter(kind, name, what.c_str(), As::superuser);
}

void remove_lockdown(Lockable kind, const char* name) {
    core::string what("RESET ");
    what.append(parameter);
    alter(kind, name, what.c_str(), As::superuser);
}

core::vector<StoredLockdown> stored_lockdowns() {
    core::vector<StoredLockdown> known;
    for (const Setting& setting : settings_of(InvalidOid, InvalidOid)) {
        const bool is_database = OidIsValid(setting.database);
        const Oid oid = is_database ? setting.database : setting.role;
        const char* const name =
            call([=] { return is_database ? get_database_name(oid) : compat::role_name_or_null(oid); });
        if (name != nullptr) // null if dropped just now
            known.push_back({is_database ? Lockable::database : Lockable::role, oid, name,
                             core::read_lockdown(setting.value)});
    }
    std::sort(known.begin(), known.end(), [](const StoredLockdown& a, const StoredLockdown& b) {
        return a.kind != b.kind ? a.kind < b.kind : std::strcmp(a.name, b.name) < 0;
    });
    return known;
}

} // namespace sessionctl::pg
