#include "pg/settings.hpp"

#include "core/text.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/reloads.hpp"

extern "C" {
#include "utils/acl.h"
#include "utils/guc.h"
}

namespace sessionctl::pg {

namespace {

char* protected_roles = nullptr;
int refuse_above = 0;
char* exempt_roles = nullptr;
char* exempt_databases = nullptr;
char* exempt_applications = nullptr;
bool reap_superusers = false;
int reaper_action = static_cast<int>(ReaperAction::terminate);
int rules = static_cast<int>(RulesMode::off);
char* rules_database = nullptr;
int rule_timeout = 0;
bool client_message = true;
bool gate = true;
int audit_size = 0;
bool terminate_on_login_revoked = false;

const config_enum_entry reaper_actions[] = {
    {"terminate", static_cast<int>(ReaperAction::terminate), false},
    {"log", static_cast<int>(ReaperAction::log), false},
    {nullptr, 0, false},
};

const config_enum_entry rules_modes[] = {
    {"off", static_cast<int>(RulesMode::off), false},
    {"log", static_cast<int>(RulesMode::log), false},
    {"on", static_cast<int>(RulesMode::on), false},
    {nullptr, 0, false},
};

extern "C" bool sessionctl_check_names(char** value, void**, GucSource) {
    bool is_list = false;
    const bool parsed = callback([&] {
        core::vector<core::string> names;
        is_list = core::parse_names(*value != nullptr ? *value : "", names);
    });
    if (!parsed)
        GUC_check_errcode(ERRCODE_OUT_OF_MEMORY);
    else if (!is_list)
        GUC_check_errdetail("List syntax is invalid. Separate the names by commas, and write a name that "
                            "contains a comma or a quote in double quotes.");
    return parsed && is_list;
}

core::vector<core::string> names_in(const char* list) {
    core::vector<core::string> names;
    core::parse_names(list != nullptr ? list : "", names);
    return names;
}

Oid role_or_invalid(const core::string& name) {
    const char* const text = name.c_str();
    return call([text] { return get_role_oid(text, true); });
}

/// Unknown role names are left out.
core::vector<Oid> roles_in(const char* list) {
    core::vector<Oid> roles;
    for (const core::string& name : names_in(list))
        if (const Oid role = role_or_invalid(name); OidIsValid(role))
            roles.push_back(role);
    return roles;
}

/// Is it one of these roles, or a member of one?
bool is_any_of(Oid role, const core::vector<Oid>& roles) {
    return std::any_of(roles.begin(), roles.end(), [role](Oid each) {
        return call([=] { return role == each || is_member_of_role_nosuper(role, each); });
    });
}

template <typename Value>
void assigned(Value, void*) noexcept {
    note_new_setting();
}

} // namespace

void define_settings() {
    const auto names = [](const char* name, const char* what, const char* more, char*& list,
                          GucContext context) {
        DefineCustomStringVariable(name, what, more, &list, "", context, GUC_LIST_INPUT,
                                   sessionctl_check_names, assigned<const char*>, nullptr);
    };
    names("pg_sessionctl.protected_roles",
          "Sets the roles whose sessions are never acted on, together with those of their members.",
          "A comma-separated list of role names, matched exactly. This protects from mistakes. It is no "
          "security boundary.",
          protected_roles, PGC_SUSET);
    DefineCustomIntVariable(
        "pg_sessionctl.refuse_above", "Sets the maximum number of sessions that one call may act on.",
        "A call that would act on more is refused. 0 means no limit. The argument refuse_above of a call "
        "takes precedence. This protects from mistakes. It is no security boundary.",
        &refuse_above, 0, 0, INT_MAX, PGC_SUSET, 0, nullptr, assigned<int>, nullptr);
    names("pg_sessionctl.exempt_roles",
          "Sets the roles whose sessions the reaper leaves alone, together with those of their members.",
          "A comma-separated list of role names, matched exactly.", exempt_roles, PGC_SIGHUP);
    names("pg_sessionctl.exempt_databases", "Sets the databases whose sessions the reaper leaves alone.",
          "A comma-separated list of database names, matched exactly.", exempt_databases, PGC_SIGHUP);
    names("pg_sessionctl.exempt_applications",
          "Sets the applications whose sessions the reaper leaves alone.",
          "A comma-separated list of application names, matched exactly. A name that ends in * matches all "
          "names with that beginning. Clients choose their application name freely.",
          exempt_applications, PGC_SIGHUP);
    DefineCustomBoolVariable("pg_sessionctl.reap_superusers",
                             "Lets the reaper end superusers' sessions, too.", nullptr, &reap_superusers,
                             false, PGC_SIGHUP, 0, nullptr, assigned<bool>, nullptr);
    DefineCustomEnumVariable(
        "pg_sessionctl.reaper_action", "Sets what the reaper does with a session that is over a limit.",
        "With log, it only reports the session that it would end, once for each violation.", &reaper_action,
        static_cast<int>(ReaperAction::terminate), reaper_actions, PGC_SIGHUP, 0, nullptr, assigned<int>,
        nullptr);
    DefineCustomEnumVariable("pg_sessionctl.rules",
                             "Whether the server acts by itself, by the session rules.",
                             "log only tells, once for each match, what on would do. Needs the library in "
                             "shared_preload_libraries.",
                             &rules, static_cast<int>(RulesMode::off), rules_modes, PGC_SIGHUP, 0, nullptr,
                             assigned<int>, nullptr);
    DefineCustomStringVariable("pg_sessionctl.rules_database", "The database whose session rules apply.",
                               nullptr, &rules_database, "postgres", PGC_SIGHUP, 0, nullptr,
                               assigned<const char*>, nullptr);
    DefineCustomIntVariable("pg_sessionctl.rule_timeout", "How long a check of a session rule may take.",
                            "A rule that goes on for twice as long is switched off.", &rule_timeout, 200, 10,
                            60 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, assigned<int>, nullptr);
    DefineCustomBoolVariable("pg_sessionctl.send_reason",
                             "Tells clients why their session was ended or their statement was cancelled.",
                             "Requires pg_sessionctl in shared_preload_libraries.", &client_message, true,
                             PGC_SIGHUP, 0, nullptr, assigned<bool>, nullptr);
    DefineCustomBoolVariable(
        "pg_sessionctl.terminate_on_login_revoked",
        "Ends the sessions of roles that lose the right to log in, or to connect to their database.",
        "They end when ALTER ROLE ... NOLOGIN, DROP ROLE, REVOKE or another such command commits. Protected "
        "roles are spared. Requires pg_sessionctl in shared_preload_libraries.",
        &terminate_on_login_revoked, false, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("pg_sessionctl.gate",
                             "Refuses logins while sessionctl.lockdown_server() keeps the server closed.",
                             "If off, a lockdown of the server has no effect. Without a login, switch it off "
                             "by -c pg_sessionctl.gate=off on the server's command line, or in the "
                             "configuration, and reload. Requires pg_sessionctl in shared_preload_libraries.",
                             &gate, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    // Without preload there is no memory to size, but the parameter is defined so that setting it is not an
    // error.
    DefineCustomIntVariable("pg_sessionctl.audit_size",
                            "Sets the number of records that session_audit keeps.",
                            "Each record takes 4 kB of shared memory.", &audit_size, 1000, 0, 1000 * 1000,
                            process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP, 0,
                            nullptr, nullptr, nullptr);
}

int audit_size_setting() noexcept {
    return audit_size;
}

bool send_reason_setting() noexcept {
    return client_message;
}

bool terminate_on_login_revoked_setting() noexcept {
    return terminate_on_login_revoked;
}

bool gate_setting() noexcept {
    return gate;
}

ReaperAction reaper_action_setting() noexcept {
    return static_cast<ReaperAction>(reaper_action);
}

RulesMode rules_setting() noexcept {
    return static_cast<RulesMode>(rules);
}

const char* rules_database_setting() noexcept {
    return rules_database;
}

int rule_timeout_setting() noexcept {
    return rule_timeout;
}

bool reap_superusers_setting() noexcept {
    return reap_superusers;
}

bool is_exempt_application(const char* name) {
    const core::vector<core::string> names = names_in(exempt_applications);
    return std::any_of(names.begin(), names.end(),
                       [name](const core::string& pattern) { return core::matches(pattern.c_str(), name); });
}

bool is_exempt_database(const char* name) {
    const core::vector<core::string> names = names_in(exempt_databases);
    return std::any_of(names.begin(), names.end(),
                       [name](const core::string& each) { return std::strcmp(each.c_str(), name) == 0; });
}

bool is_exempt_role(Oid role) {
    return is_any_of(role, roles_in(exempt_roles));
}

int refuse_above_setting() noexcept {
    return refuse_above;
}

core::vector<Oid> protected_role_oids() {
    return roles_in(protected_roles);
}

bool is_protected_role(Oid role) {
    return is_any_of(role, roles_in(protected_roles));
}

void warn_of_unknown_protected_roles() {
    for (const core::string& name : names_in(protected_roles)) {
        if (OidIsValid(role_or_invalid(name)))
            continue;
        const ShownName shown(name.c_str());
        call([&shown] {
            ereport(WARNING,
                    (errcode(ERRCODE_UNDEFINED_OBJECT),
                     errmsg("role \"%s\" in pg_sessionctl.protected_roles does not exist", shown.text())));
        });
    }
}

} // namespace sessionctl::pg
