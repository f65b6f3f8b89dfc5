// The triggers of the table of session rules.

#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/rules/rule_changes.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/acl.h"
}

using namespace sessionctl;

/// Before each row that comes, by COPY, too.
SQL_FUNCTION(sessionctl_session_rule_owner)
{
    return pg::entry([&]() -> Datum {
        return pg::call([&]() -> Datum {
            if (!CALLED_AS_TRIGGER(fcinfo))
                elog(ERROR, "not called as a trigger");
            const auto* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
            const TupleDesc description = RelationGetDescr(trigger->tg_relation);
            constexpr int most_columns = 64;
            Datum values[most_columns] = {};
            bool nulls[most_columns] = {};
            bool replaced[most_columns] = {};
            const int owner_oid = SPI_fnumber(description, "owner_oid") - 1;
            if (description->natts > most_columns || owner_oid < 0)
                elog(ERROR, "not the table of session rules");
            const char* const owner =
                SPI_getvalue(trigger->tg_trigtuple, description, SPI_fnumber(description, "owner"));
            values[owner_oid] = ObjectIdGetDatum(owner != nullptr ? get_role_oid(owner, true) : InvalidOid);
            replaced[owner_oid] = true;
            return PointerGetDatum(
                heap_modify_tuple(trigger->tg_trigtuple, description, values, nulls, replaced));
        });
    });
}

/// A right to write all tables is no right to act with a superuser's rights: a row names its owner. Functions
/// and a restore write it as a superuser.
SQL_FUNCTION(sessionctl_session_rule_changed)
{
    return pg::entry([]() -> Datum {
        if (!pg::call([] { return superuser(); }))
            throw core::Error(core::sqlstate::insufficient_privilege,
                              "cannot write the table of session rules")
                .hint("Use create_session_rule, alter_session_rule and drop_session_rule.");
        if (pg::shared_memory() != nullptr)
            pg::wake_rules_at_commit();
        return 0;
    });
}
