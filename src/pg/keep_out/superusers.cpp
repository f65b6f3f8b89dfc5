#include "pg/keep_out/superusers.hpp"

#include "compat/snapshots.hpp"
#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/locks/prepared_in_way.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "catalog/pg_authid.h"
#include "storage/lock.h"
#include "utils/rel.h"
}

namespace sessionctl::pg {

namespace {

constexpr char others_change_them[] = "another session is changing which superusers may log in";

enum class Left { none, uncertain, some };

/// Reads what is committed now, whatever the transaction's snapshot. Rows that another transaction has made
/// or is changing do not count.
Left superusers_left() {
    return call([] {
        SnapshotData snapshot;
        compat::init_dirty_snapshot(snapshot);
        Left left = Left::none;
        const Relation roles = relation_open(AuthIdRelationId, AccessShareLock);
        const SysScanDesc scan = systable_beginscan(roles, InvalidOid, false, &snapshot, 0, nullptr);
        while (const HeapTuple tuple = left != Left::some ? systable_getnext(scan) : nullptr) {
            const auto& role = *reinterpret_cast<const FormData_pg_authid*>(GETSTRUCT(tuple));
            if (!role.rolsuper || !role.rolcanlogin)
                continue;
            const bool is_certain =
                !TransactionIdIsValid(snapshot.xmin) && !TransactionIdIsValid(snapshot.xmax);
            left = is_certain ? Left::some : Left::uncertain;
        }
        systable_endscan(scan);
        relation_close(roles, AccessShareLock);
        return left;
    });
}

} // namespace

void lock_superusers() {
    lock_object(AuthIdRelationId, InvalidOid, ShareUpdateExclusiveLock, others_change_them);
}

void require_superuser_left(const char* role_taken_away) {
    switch (superusers_left()) {
    case Left::some:
        return;
    case Left::uncertain:
        throw core::Error(core::sqlstate::lock_not_available, "%s", others_change_them)
            .hint("Try again when its transaction has ended.%s", hint_for_prepared_changes().c_str());
    case Left::none:
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "role \"%s\" is the only superuser who may log in", role_taken_away)
            .hint("Create another superuser first, so that the role can be unlocked.");
    }
}

} // namespace sessionctl::pg
