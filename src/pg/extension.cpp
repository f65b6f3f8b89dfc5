#include "pg/extension.hpp"

#include "core/error.hpp"
#include "core/version.hpp"
#include "pg/error.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace sessionctl::pg {

namespace {

constexpr char extension_name[] = "pg_sessionctl";

/// pg_extension.extversion; null where the extension is not installed in this database.
const char* script_version() {
    return call([]() -> const char* {
        const Relation extensions = relation_open(ExtensionRelationId, AccessShareLock);
        ScanKeyData key;
        ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                    CStringGetDatum(extension_name));
        const SysScanDesc scan = systable_beginscan(extensions, ExtensionNameIndexId, true, nullptr, 1, &key);
        const HeapTuple tuple = systable_getnext(scan);
        const char* version = nullptr;
        if (HeapTupleIsValid(tuple)) {
            bool is_null;
            const Datum datum =
                heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(extensions), &is_null);
            version = is_null ? nullptr : TextDatumGetCString(datum);
        }
        systable_endscan(scan);
        relation_close(extensions, AccessShareLock);
        return version;
    });
}

} // namespace

const char* library_version() noexcept {
    return SESSIONCTL_VERSION;
}

bool is_of_extension(Oid catalog, Oid object) {
    const Oid extension = get_extension_oid(extension_name, true);
    return OidIsValid(extension) && getExtensionOfObject(catalog, object) == extension;
}

void require_matching_script() {
    static TimestampTz checked_in = 0;
    const TimestampTz transaction = GetCurrentTransactionStartTimestamp();
    if (checked_in == transaction)
        return;
    const char* const script = script_version();
    if (script != nullptr)
        core::require_equal_versions(library_version(), script);
    checked_in = transaction;
}

} // namespace sessionctl::pg
