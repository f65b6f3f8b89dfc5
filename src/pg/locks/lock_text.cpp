#include "pg/locks/lock_text.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
}

namespace sessionctl::pg {

namespace {

/// A lock on the catalogs themselves must not make a query about locks hang.
bool may_read_names() {
    if (!ConditionalLockRelationOid(RelationRelationId, AccessShareLock))
        return false;
    const bool both = ConditionalLockRelationOid(NamespaceRelationId, AccessShareLock);
    if (both)
        UnlockRelationOid(NamespaceRelationId, AccessShareLock);
    UnlockRelationOid(RelationRelationId, AccessShareLock);
    return both;
}

const char* name_of(Oid relation) {
    if (!may_read_names())
        return nullptr;
    const char* const name = get_rel_name(relation);
    if (name == nullptr)
        return nullptr;
    const char* const schema = get_namespace_name(get_rel_namespace(relation));
    return schema != nullptr ? quote_qualified_identifier(schema, name) : nullptr;
}

void append_database(StringInfo text, Oid database) {
    const char* const name = get_database_name(database);
    if (name != nullptr)
        appendStringInfo(text, " of database %s", quote_identifier(name));
    else
        appendStringInfo(text, " of database %u", database);
}

void append_relation(StringInfo text, const LOCKTAG& tag) {
    const Oid database = tag.locktag_field1;
    const bool is_here = database == InvalidOid || database == MyDatabaseId;
    const char* const name = is_here ? name_of(tag.locktag_field2) : nullptr;
    if (name != nullptr) {
        appendStringInfoString(text, name);
        return;
    }
    appendStringInfo(text, "relation %u", tag.locktag_field2);
    if (!is_here)
        append_database(text, database);
}

/// In the form in which the key was given: one bigint, or two integers.
void append_advisory(StringInfo text, const LOCKTAG& tag) {
    if (tag.locktag_field4 == 1)
        appendStringInfo(
            text, "advisory lock %lld",
            static_cast<long long>(static_cast<uint64>(tag.locktag_field2) << 32 | tag.locktag_field3));
    else
        appendStringInfo(text, "advisory lock (%d, %d)", static_cast<int32>(tag.locktag_field2),
                         static_cast<int32>(tag.locktag_field3));
    if (tag.locktag_field1 != MyDatabaseId)
        append_database(text, tag.locktag_field1);
}

} // namespace

const char* lock_text(const LOCKTAG& tag) {
    StringInfoData text;
    initStringInfo(&text);
    switch (tag.locktag_type) {
    case LOCKTAG_RELATION:
        append_relation(&text, tag);
        break;
    case LOCKTAG_RELATION_EXTEND:
        appendStringInfoString(&text, "extension of ");
        append_relation(&text, tag);
        break;
    case LOCKTAG_PAGE:
        appendStringInfo(&text, "page %u of ", tag.locktag_field3);
        append_relation(&text, tag);
        break;
    case LOCKTAG_TUPLE:
        appendStringInfo(&text, "tuple (%u,%u) of ", tag.locktag_field3, tag.locktag_field4);
        append_relation(&text, tag);
        break;
    case LOCKTAG_TRANSACTION:
        appendStringInfo(&text, "transaction %u", tag.locktag_field1);
        break;
    case LOCKTAG_ADVISORY:
        append_advisory(&text, tag);
        break;
    default:
        DescribeLockTag(&text, &tag);
    }
    return text.data;
}

} // namespace sessionctl::pg
