#include "core/hba/hba.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

#include <boost/container/flat_set.hpp>

#include <algorithm>
#include <functional>

namespace sessionctl::core::hba {

namespace {

/// A longer list of roles is split into several lines of the same rule, for people to read.
constexpr std::size_t wrap_width = 400;

constexpr char unlock_instructions[] =
    "# To undo it: sessionctl.unlock_server(). Without a login: delete the lines from >>> to "
    "<<<, then pg_ctl reload.";

constexpr char probe_comment[] = "# No role has this name. It shows whether the server has read these lines.";

struct Role {
    string name;
    string written;
};

bool is_alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A regular expression that matches nothing but the name.
string pattern_of(std::string_view name) {
    string pattern("/^");
    for (const char c : name) {
        if (c == '\n') {
            pattern.append("\\n");
            continue;
        }
        if (!is_alphanumeric(c) && c != '_' && static_cast<unsigned char>(c) < 0x80)
            pattern.push_back('\\');
        pattern.push_back(c);
    }
    pattern.push_back('$');
    return pattern;
}

bool breaks_line(std::string_view name) noexcept {
    return name.find('\n') != std::string_view::npos;
}

/// Always in quotes: without, `all` and names that begin with + or @ mean something else.
string written(std::string_view name, const Dialect& dialect) {
    // A slash makes a pattern even in quotes.
    if (dialect.patterns && (breaks_line(name) || name.substr(0, 1) == "/"))
        return in_quotes(pattern_of(name));
    return in_quotes(name);
}

bool can_be_written(std::string_view name, const Dialect& dialect) noexcept {
    return dialect.patterns || !breaks_line(name);
}

void refuse_unwritable(const vector<string>& roles, const Dialect& dialect) {
    for (const string& role : roles)
        if (!can_be_written(role, dialect))
            throw Error(sqlstate::feature_not_supported,
                        "the name of role \"%s\" cannot be written in pg_hba.conf", role.c_str())
                .detail("It contains a newline.")
                .hint("Rename the role, or lock the server down with method %s 'gate'.",
                      dialect.argument_sign);
}

/// A member or superuser whose name can't be written goes to `left_out`: a user with CREATEROLE must not be
/// able to prevent a lockdown.
vector<Role> allowed_roles(const Lockdown& lockdown, const Dialect& dialect, Server& server,
                           vector<string>& left_out) {
    refuse_unwritable(lockdown.allow_roles, dialect);
    boost::container::flat_set<string, std::less<string>, Allocator<string>> names;
    if (!lockdown.include_superusers)
        names.insert(lockdown.superusers.begin(), lockdown.superusers.end());
    for (const string& role : lockdown.allow_roles) {
        names.insert(role);
        const vector<string> members = server.members_of(role);
        names.insert(members.begin(), members.end());
    }
    vector<Role> roles;
    for (const string& name : names)
        if (can_be_written(name, dialect))
            roles.push_back({name, written(name, dialect)});
        else
            left_out.push_back(name);
    if (roles.empty() && !lockdown.include_superusers)
        throw Error(sqlstate::object_not_in_prerequisite_state, "no role would be able to log in")
            .detail("No superuser can log in, and no role is allowed.")
            .hint("Name a role in allow_roles, or set include_superusers %s true.", dialect.argument_sign);
    return roles;
}

/// As core's check_role().
bool names_role(const Token& token, const string& role, const Dialect& dialect, Server& server) {
    const std::string_view text = token.text;
    if (token.is_group())
        return server.is_member(role, text.substr(1));
    if (token.is_keyword("all"))
        return true;
    if (dialect.patterns && !text.empty() && text.front() == '/')
        return server.matches(role, text.substr(1));
    return text == role;
}

class Writer {
  public:
    Writer(std::string_view text, const Dialect& dialect) : dialect_(dialect) {
        const std::size_t newline = text.find('\n');
        const bool windows = newline != std::string_view::npos && newline > 0 && text[newline - 1] == '\r';
        line_end_ = windows ? "\r\n" : "\n";
    }

    string text;

    void line(std::string_view content) {
        text.append(content);
        text.append(line_end_);
    }

    /// The rule for these roles only, in as many lines as it takes.
    void rule(const Rule& rule, const vector<const Role*>& roles) {
        string names;
        for (const Role* role : roles) {
            if (!names.empty() && names.size() + role->written.size() > wrap_width) {
                rule_line(rule, names);
                names.clear();
            }
            if (!names.empty())
                names.push_back(',');
            names.append(role->written);
        }
        if (!names.empty())
            rule_line(rule, names);
    }

  private:
    void rule_line(const Rule& rule, const string& names) {
        string content = rule.type;
        for (const string* part : {&rule.databases, &names, &rule.rest}) {
            content.push_back(' ');
            content.append(*part);
        }
        // The last backslash would join the next line: two of them and an empty line leave one.
        const bool continues = dialect_.continuations && content.back() == '\\';
        if (continues)
            content.push_back('\\');
        if (content.size() + line_end_.size() > dialect_.longest_line)
            throw Error(sqlstate::feature_not_supported,
                        "line %d of \"%s\" would become too long with the names of the roles that may log in",
                        rule.line, rule.path.c_str())
                .hint("Shorten it, or lock the server down with method %s 'gate'.", dialect_.argument_sign);
        line(content);
        if (continues)
            line("");
    }

    const Dialect& dialect_;
    std::string_view line_end_;
};

/// For connections of every kind.
void rules(Writer& writer, const string& databases, const string& roles, const char* method) {
    for (const char* const address : {"", " 0.0.0.0/0", " ::/0"}) {
        string content(*address == '\0' ? "local " : "host ");
        content.append(databases);
        content.append(" ");
        content.append(roles);
        content.append(address);
        content.append(" ");
        content.append(method);
        writer.line(content);
    }
}

void reject(Writer& writer, const char* database) {
    rules(writer, database, "all", "reject");
}

/// A role that does not exist has no password.
void write_probe_rules(Writer& writer, const string& probe) {
    if (probe.empty())
        return;
    writer.line(probe_comment);
    rules(writer, in_quotes(probe), in_quotes(probe), "password");
}

void write_narrowed(Writer& writer, const Rule& rule, const vector<Role>& roles, const Dialect& dialect,
                    Server& server) {
    vector<const Role*> named;
    for (const Role& role : roles)
        if (std::any_of(rule.roles.begin(), rule.roles.end(),
                        [&](const Token& token) { return names_role(token, role.name, dialect, server); }))
            named.push_back(&role);
    writer.rule(rule, named);
}

void refuse_unfit(const File& file) {
    if (is_locked(file.text))
        throw Error(sqlstate::object_not_in_prerequisite_state, "\"%s\" is already locked down",
                    file.path.c_str())
            .hint("Unlock it first.");
    // The server reads it as a part of the first word.
    if (std::string_view(file.text).substr(0, 3) == "\xEF\xBB\xBF")
        refuse_line(file, 1, "begins with a byte order mark");
}

} // namespace

Locked lock(const File& file, const Lockdown& lockdown, const Dialect& dialect, Server& server) {
    refuse_unfit(file);
    Locked locked;
    const vector<Role> roles = allowed_roles(lockdown, dialect, server, locked.left_out);
    Writer writer(file.text, dialect);
    writer.line(first_line(lockdown.mark));
    writer.line(unlock_instructions);
    write_probe_rules(writer, lockdown.probe);
    // First, so that no rule below, with `replication` in a file of database names maybe, comes before it.
    if (lockdown.include_replication)
        reject(writer, "replication");
    for (const Rule& rule : rules_of(file, dialect, server))
        if (!(rule.only_replication && lockdown.include_replication))
            write_narrowed(writer, rule, roles, dialect, server);
    reject(writer, "all");
    writer.line(last_line());
    writer.text.append(file.text);
    locked.text = std::move(writer.text);
    return locked;
}

std::optional<string> unlock(std::string_view text) {
    const std::optional<Block> block = find_block(text);
    if (!block)
        return std::nullopt;
    string rest(text.substr(0, block->begin));
    rest.append(text.substr(block->end));
    return rest;
}

std::optional<Mark> mark_of(std::string_view text) {
    const std::optional<Block> block = find_block(text);
    if (!block)
        return std::nullopt;
    return read_mark(text.substr(block->begin, block->end - block->begin));
}

std::optional<string> probe_of(std::string_view text) {
    const std::optional<Block> block = find_block(text);
    if (!block)
        return std::nullopt;
    const std::string_view lines = text.substr(block->begin, block->end - block->begin);
    const std::size_t begin = lines.find(probe_prefix);
    const std::size_t end = lines.find('"', begin == std::string_view::npos ? lines.size() : begin);
    if (end == std::string_view::npos || begin == 0 || lines[begin - 1] != '"')
        return std::nullopt;
    return string(lines.substr(begin, end - begin));
}

bool is_locked(std::string_view text) {
    return find_block(text).has_value();
}

} // namespace sessionctl::core::hba
