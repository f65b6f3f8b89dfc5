// What a utility command does to a database as a whole, or to an extension.
#include "compat/postgres.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/value.h"
}

namespace sessionctl::compat {

namespace {

const DefElem* option(const List* options, const char* name) noexcept {
    const ListCell* cell;
    foreach (cell, options)
        if (std::strcmp(static_cast<const DefElem*>(lfirst(cell))->defname, name) == 0)
            return static_cast<const DefElem*>(lfirst(cell));
    return nullptr;
}

const char* template_of(const CreatedbStmt& statement) noexcept {
    const DefElem* const given = option(statement.options, "template");
    return given != nullptr && given->arg != nullptr && IsA(given->arg, String) ? strVal(given->arg)
                                                                                : "template1";
}

} // namespace

const char* database_needed_by(const Node* statement) noexcept {
    switch (nodeTag(statement)) {
    case T_CreatedbStmt:
        return template_of(*reinterpret_cast<const CreatedbStmt*>(statement));
    case T_DropdbStmt:
        return reinterpret_cast<const DropdbStmt*>(statement)->dbname;
    case T_AlterDatabaseStmt: {
        const auto& alter = *reinterpret_cast<const AlterDatabaseStmt*>(statement);
        return option(alter.options, "tablespace") != nullptr ? alter.dbname : nullptr;
    }
    case T_RenameStmt: {
        const auto& rename = *reinterpret_cast<const RenameStmt*>(statement);
        return rename.renameType == OBJECT_DATABASE ? rename.subname : nullptr;
    }
    default:
        return nullptr;
    }
}

bool drops_extension(const Node* statement, const char* name) noexcept {
    if (!IsA(statement, DropStmt))
        return false;
    const auto& drop = *reinterpret_cast<const DropStmt*>(statement);
    const ListCell* cell;
    if (drop.removeType == OBJECT_EXTENSION)
        foreach (cell, drop.objects) {
#if PG_VERSION_NUM >= 100000 // 10: each is a name, no more a list of its parts
            const auto* const extension = static_cast<const Node*>(lfirst(cell));
#else
            const auto* const extension =
                static_cast<const Node*>(linitial(static_cast<List*>(lfirst(cell))));
#endif
            if (std::strcmp(strVal(extension), name) == 0)
                return true;
        }
    return false;
}

} // namespace sessionctl::compat
