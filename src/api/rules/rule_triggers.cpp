// The trigger of the table of session rules, for each row and for each statement.

#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/extension.hpp"
#include "pg/rules/rule_changes.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/rel.h"
}

using namespace sessionctl;

namespace {

/// Whoever may execute the function may make it a trigger of any table.
const TriggerData& require_trigger(FunctionCallInfo fcinfo) {
    const auto* const trigger =
        CALLED_AS_TRIGGER(fcinfo) ? reinterpret_cast<const TriggerData*>(fcinfo->context) : nullptr;
    const bool is_ours =
        trigger != nullptr && pg::call([trigger] {
            return pg::is_of_extension(RelationRelationId, RelationGetRelid(trigger->tg_relation));
        });
    if (!is_ours)
        throw core::Error(core::sqlstate::trigger_protocol_violated,
                          "function \"_session_rule_changed\" was not called by a trigger of the table of "
                          "session rules");
    return *trigger;
}

/// It belongs to the role that has its owner's name here.
HeapTuple with_owner(const TriggerData& trigger) {
    constexpr int most_columns = 64;
    Datum values[most_columns] = {};
    bool nulls[most_columns] = {};
    bool replaced[most_columns] = {};
    const TupleDesc description = RelationGetDescr(trigger.tg_relation);
    const int owner_oid = SPI_fnumber(description, "owner_oid") - 1;
    if (description->natts > most_columns || owner_oid < 0)
        elog(ERROR, "not the table of session rules");
    const char* const owner =
        SPI_getvalue(trigger.tg_trigtuple, description, SPI_fnumber(description, "owner"));
    values[owner_oid] = ObjectIdGetDatum(owner != nullptr ? get_role_oid(owner, true) : InvalidOid);
    replaced[owner_oid] = true;
    return heap_modify_tuple(trigger.tg_trigtuple, description, values, nulls, replaced);
}

/// As it is to be written. Raises PostgreSQL errors.
HeapTuple changed_row(const TriggerData& trigger) {
    if (TRIGGER_FIRED_BY_INSERT(trigger.tg_event))
        return with_owner(trigger);
    return TRIGGER_FIRED_BY_UPDATE(trigger.tg_event) ? trigger.tg_newtuple : trigger.tg_trigtuple;
}

/// A right to write all tables is no right to act with a superuser's rights: a row names its owner. Functions
/// and a restore write it as a superuser.
void require_writer(bool is_applied) {
    if (is_applied || !pg::call([] { return superuser(); }))
        throw core::Error(core::sqlstate::insufficient_privilege, "cannot write the table of session rules")
            .hint("Use create_session_rule, alter_session_rule and drop_session_rule.");
}

} // namespace

/// For each row, by COPY, too, since what logical replication applies fires no trigger of statements; and for
/// each statement, since TRUNCATE and one that finds no row fire no trigger of rows.
SQL_FUNCTION(sessionctl_session_rule_changed)
{
    return pg::entry([&]() -> Datum {
        const TriggerData& trigger = require_trigger(fcinfo);
        const bool is_applied = compat::applies_replication();
        // Rules of another server are not this one's: whoever writes there has no rights here.
        if (is_applied && !TRIGGER_FIRED_BY_TRUNCATE(trigger.tg_event))
            return 0; // its row is left out
        require_writer(is_applied);
        if (pg::shared_memory() != nullptr)
            pg::wake_rules_at_commit();
        if (!TRIGGER_FIRED_FOR_ROW(trigger.tg_event))
            return 0;
        return pg::call([&trigger] { return PointerGetDatum(changed_row(trigger)); });
    });
}
