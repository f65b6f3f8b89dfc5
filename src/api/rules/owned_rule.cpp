#include "api/rules/owned_rule.hpp"

#include "core/error.hpp"
#include "pg/condition/scope.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace sessionctl::api {

void require_own_rights(const char* what) {
    if (pg::is_under_other_user())
        throw core::Error(core::sqlstate::insufficient_privilege,
                          "cannot %s a session rule inside a SECURITY DEFINER function", what)
            .hint("A rule acts with its owner's rights from then on: its owner has to call the function.");
}

pg::RuleRow rule_named(const char* name) {
    const core::vector<pg::RuleRow> rows = pg::read_rules(name);
    if (rows.empty())
        throw core::Error(core::sqlstate::undefined_object, "session rule \"%s\" does not exist",
                          pg::ShownName(name).text());
    return rows.front();
}

/// What makes a superuser is not inherited.
void require_owner(const pg::RuleRow& row) {
    const bool may = pg::call([&row] {
        const char* const name = compat::role_name_or_null(row.owner_oid);
        return superuser() ||
               (name != nullptr && std::strcmp(name, row.owner) == 0 && !superuser_arg(row.owner_oid) &&
                has_privs_of_role(GetUserId(), row.owner_oid));
    });
    if (!may)
        throw core::Error(core::sqlstate::insufficient_privilege, "must be owner of session rule \"%s\"",
                          pg::ShownName(row.name).text());
}

} // namespace sessionctl::api
