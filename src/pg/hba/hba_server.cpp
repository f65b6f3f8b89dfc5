#include "pg/hba/hba_server.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/hba/hba_file.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_collation.h"
#include "regex/regex.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/rel.h"
}

namespace sessionctl::pg {

namespace {

/// Byte by byte: a login without a database has no encoding yet.
core::vector<pg_wchar> wide(std::string_view text) {
    core::vector<pg_wchar> characters;
    for (const char c : text)
        characters.push_back(static_cast<unsigned char>(c));
    characters.push_back(0);
    return characters;
}

/// As core's AbsoluteConfigLocation().
core::string absolute(std::string_view name, std::string_view outer) {
    core::string path(name);
    if (!path.empty() && path.front() == '/')
        return path;
    path = outer.substr(0, outer.rfind('/') + 1);
    path.append(name);
    return path;
}

[[noreturn]] void raise_unreadable(const char* path, int why) {
    call([=] {
        errno = why;
        ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
    });
    pg_unreachable();
}

bool is_configuration(const char* name) noexcept {
    const std::size_t length = std::strlen(name);
    return name[0] != '.' && length >= 6 && std::strcmp(name + length - 5, ".conf") == 0;
}

/// In core's order. Null if there is no such directory.
std::optional<core::vector<core::string>> configuration_names(const char* directory) {
    core::vector<core::string> names;
    const bool exists = call([&] {
        DIR* const open = AllocateDir(directory);
        if (open == nullptr && errno == ENOENT)
            return false;
        while (const dirent* const entry = ReadDir(open, directory))
            if (is_configuration(entry->d_name))
                names.push_back(entry->d_name);
        FreeDir(open);
        return true;
    });
    if (!exists)
        return std::nullopt;
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

HbaServer::HbaServer() {
    call([this] {
        const Relation relation = relation_open(AuthIdRelationId, AccessShareLock);
        const SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
        while (const HeapTuple tuple = systable_getnext(scan)) {
            const auto& row = *reinterpret_cast<const FormData_pg_authid*>(GETSTRUCT(tuple));
            roles_.push_back({NameStr(row.rolname), row.rolsuper, row.rolcanlogin});
        }
        systable_endscan(scan);
        relation_close(relation, AccessShareLock);
    });
}

core::vector<core::string> HbaServer::superusers() const {
    core::vector<core::string> names;
    for (const Role& role : roles_)
        if (role.is_superuser && role.can_login)
            names.push_back(role.name);
    return names;
}

bool HbaServer::is_member(std::string_view role, std::string_view group) {
    const core::string member(role);
    const core::string whole(group);
    return call([member = member.c_str(), whole = whole.c_str()] {
        const Oid member_oid = get_role_oid(member, true);
        const Oid group_oid = get_role_oid(whole, true);
        return OidIsValid(member_oid) && OidIsValid(group_oid) &&
               is_member_of_role_nosuper(member_oid, group_oid);
    });
}

core::vector<core::string> HbaServer::members_of(std::string_view group) {
    core::vector<core::string> names;
    for (const Role& role : roles_)
        if (role.can_login && is_member(role.name, group))
            names.push_back(role.name);
    return names;
}

bool HbaServer::matches(std::string_view role, std::string_view pattern) {
    const core::vector<pg_wchar> wide_pattern = wide(pattern);
    const core::vector<pg_wchar> wide_role = wide(role);
    const int result = call([&wide_pattern, &wide_role] {
        regex_t expression;
        int code = pg_regcomp(&expression, wide_pattern.data(), wide_pattern.size() - 1, REG_ADVANCED,
                              C_COLLATION_OID);
        if (code != REG_OKAY)
            return code;
        code = pg_regexec(&expression, wide_role.data(), wide_role.size() - 1, 0, nullptr, 0, nullptr, 0);
        pg_regfree(&expression);
        return code;
    });
    if (result == REG_OKAY || result == REG_NOMATCH)
        return result == REG_OKAY;
    throw core::Error(core::sqlstate::config_file_error, "invalid regular expression \"%s\" in pg_hba.conf",
                      core::string(pattern).c_str())
        .hint("The server does not accept it either.");
}

std::optional<core::hba::File> HbaServer::read(std::string_view name, std::string_view outer) {
    core::hba::File file;
    file.path = absolute(name, outer);
    struct stat status;
    const int why = read_whole(file.path.c_str(), file.text, status);
    if (why == ENOENT)
        return std::nullopt;
    if (why != 0)
        raise_unreadable(file.path.c_str(), why);
    return file;
}

std::optional<core::vector<core::hba::File>> HbaServer::read_directory(std::string_view name,
                                                                       std::string_view outer) {
    const core::string directory = absolute(name, outer);
    const std::optional<core::vector<core::string>> names = configuration_names(directory.c_str());
    if (!names)
        return std::nullopt;
    core::vector<core::hba::File> files;
    for (const core::string& each : *names) {
        core::string path = directory;
        path.append("/");
        path.append(each);
        struct stat status;
        if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
            continue;
        std::optional<core::hba::File> file = read(path, {});
        if (file)
            files.push_back(std::move(*file));
    }
    return files;
}

} // namespace sessionctl::pg
