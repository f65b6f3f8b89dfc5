#include "pg/settings.hpp"

#include "core/text.hpp"
#include "pg/error.hpp"

extern "C" {
#include "utils/acl.h"
#include "utils/guc.h"
}

namespace sessionctl::pg {

namespace {

char* protected_roles = nullptr;
int refuse_above = 0;

extern "C" bool sessionctl_check_names(char** value, void**, GucSource) {
    bool is_list = false;
    const bool parsed = callback([&] {
        core::vector<core::string> names;
        is_list = core::parse_names(*value != nullptr ? *value : "", names);
    });
    if (!parsed)
        GUC_check_errcode(ERRCODE_OUT_OF_MEMORY);
    else if (!is_list)
        GUC_check_errdetail(
            "List syntax is invalid: write role names separated by commas, in double quotes where a "
            "name holds a comma or a quote.");
    return parsed && is_list;
}

core::vector<core::string> protected_role_names() {
    core::vector<core::string> names;
    core::parse_names(protected_roles != nullptr ? protected_roles : "", names);
    return names;
}

Oid role_or_invalid(const core::string& name) {
    const char* const text = name.c_str();
    return call([text] { return get_role_oid(text, true); });
}

} // namespace

void define_settings() {
    DefineCustomStringVariable("pg_sessionctl.protected_roles",
                               "Roles whose sessions, and whose members' sessions, are never acted on.",
                               "A comma-separated list of role names, matched exactly. A guard rail, not a "
                               "security boundary.",
                               &protected_roles, "", PGC_SUSET, GUC_LIST_INPUT, sessionctl_check_names,
                               nullptr, nullptr);
    DefineCustomIntVariable(
        "pg_sessionctl.refuse_above", "A call that would act on more sessions than this is refused.",
        "0 means no bound. A call's own refuse_above takes precedence. A guard rail, not a "
        "security boundary.",
        &refuse_above, 0, 0, INT_MAX, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    compat::reserve_guc_prefix("pg_sessionctl");
}

int refuse_above_setting() noexcept {
    return refuse_above;
}

core::vector<Oid> protected_role_oids() {
    core::vector<Oid> roles;
    for (const core::string& name : protected_role_names())
        if (const Oid role = role_or_invalid(name); OidIsValid(role))
            roles.push_back(role);
    return roles;
}

void warn_of_unknown_protected_roles() {
    for (const core::string& name : protected_role_names()) {
        if (OidIsValid(role_or_invalid(name)))
            continue;
        const char* const text = name.c_str();
        call([text] {
            ereport(WARNING, (errcode(ERRCODE_UNDEFINED_OBJECT),
                              errmsg("role \"%s\" in pg_sessionctl.protected_roles does not exist", text)));
        });
    }
}

} // namespace sessionctl::pg
