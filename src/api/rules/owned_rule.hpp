// A session rule in its table, and who may do something with it.
#pragma once

#include "pg/rules/rule_table.hpp"

namespace sessionctl::api {

/// A rule acts with its owner's rights: nobody makes, changes or tests one with those of somebody else.
/// `what`: the verb.
void require_own_rights(const char* what);

/// Error: 42704.
pg::RuleRow rule_named(const char* name);

/// Its owner is the role that has its OID and its name. Error: 42501.
void require_owner(const pg::RuleRow& row);

} // namespace sessionctl::api
