#include "api/keep_out/unlock.hpp"

#include "pg/encoding.hpp"
#include "pg/error.hpp"

namespace sessionctl::api {

using pg::Lockable;

void report_changes_by_hand(Lockable kind, const char* name, const core::Lockdown& lockdown,
                            const core::Restoration& restoration, const core::LoginSettings& current) {
    const pg::ShownName shown(name);
    if (restoration.limit_was_changed)
        pg::call([&] {
            ereport(
                NOTICE,
                (errmsg("the connection limit of %s \"%s\" was changed to %d after its lockdown and is kept",
                        pg::noun(kind), shown.text(), current.limit),
                 errdetail("Before the lockdown it was %d.", lockdown.before.limit)));
        });
    if (restoration.permission_was_changed)
        pg::call([&] {
            ereport(
                NOTICE,
                (errmsg("the login setting of %s \"%s\" was changed after its lockdown and is kept",
                        pg::noun(kind), shown.text()),
                 errdetail(lockdown.before.is_open ? "Before the lockdown connections were allowed."
                                                   : "Before the lockdown connections were not allowed.")));
        });
}

Datum not_locked(Lockable kind, const char* name) {
    const pg::ShownName shown(name);
    pg::call([&] {
        ereport(NOTICE,
                (errmsg("%s \"%s\" is not locked down", pg::noun(kind), shown.text()),
                 errhint("%s set by hand is not a lockdown. Use ALTER %s to change it.",
                         kind == Lockable::role ? "NOLOGIN" : "A connection limit", pg::keyword(kind))));
    });
    return BoolGetDatum(false);
}

} // namespace sessionctl::api
