#include "hba_model.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <random>
#include <regex>
#include <utility>

namespace sessionctl::test {

namespace {

constexpr int versions[] = {90400, 90600, 100000, 130000, 140000, 150000, 160000, 170000, 190000};

core::string core_string(std::string_view text) {
    return core::string(text.data(), text.size());
}

std::vector<std::string> logical_lines(const std::string& text, int version) {
    std::vector<std::string> lines;
    std::string line;
    std::size_t held = 0;
    bool pending = false;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t newline = std::min(text.find('\n', at), text.size());
        line += text.substr(at, newline - at);
        at = newline + 1;
        line.erase(line.find_last_not_of("\r\n") + 1);
        pending = version >= 140000 && line.size() > held && line.back() == '\\';
        if (pending) {
            line.pop_back();
            held = line.size();
            continue;
        }
        lines.push_back(line);
        line.clear();
        held = 0;
    }
    if (pending)
        lines.push_back(line);
    return lines;
}

/// One line's words, with a comma after those that have one.
struct RawWord {
    HbaWord word;
    bool comma;
};

std::vector<RawWord> raw_words(const std::string& line, int version) {
    const std::string blanks = version < 190000 ? " \t\r" : " \t";
    std::vector<RawWord> words;
    std::size_t i = 0;
    for (;;) {
        i = line.find_first_not_of(blanks + ",", i);
        if (i == std::string::npos || line[i] == '#')
            return words;
        RawWord raw = {{"", false}, false};
        bool open = false;
        for (; i < line.size(); ++i) {
            const char c = line[i];
            if (!open && (c == ',' || c == '#' || blanks.find(c) != std::string::npos))
                break;
            if (c != '"') {
                raw.word.text += c;
                continue;
            }
            raw.word.quoted |= raw.word.text.empty();
            // A closing quote directly followed by an opening one is a quote.
            if (open && i + 1 < line.size() && line[i + 1] == '"') {
                raw.word.text += '"';
                ++i;
            } else {
                open = !open;
            }
        }
        raw.comma = i < line.size() && line[i] == ',';
        words.push_back(raw);
        if (i >= line.size() || line[i] == '#')
            return words;
    }
}

bool keyword(const HbaWord& word, const char* name) {
    return !word.quoted && word.text == name;
}

void expand(const HbaWord& word, HbaWorld& world, int version, int depth, std::vector<HbaWord>& words) {
    if (word.quoted || word.text.size() < 2 || word.text[0] != '@') {
        words.push_back(word);
        return;
    }
    const auto file = world.files.find(word.text.substr(1));
    if (file == world.files.end() || depth > 10)
        return;
    for (const HbaFields& fields : hba_fields(file->second, world, version, depth + 1))
        for (const auto& field : fields)
            words.insert(words.end(), field.begin(), field.end());
}

bool address_matches(const std::string& field, const std::string& address) {
    const bool six = address.find(':') != std::string::npos;
    if (field == "all")
        return true;
    if (field == "0.0.0.0/0")
        return !six;
    if (field == "::/0")
        return six;
    if (field == "samehost")
        return address == "127.0.0.1" || address == "::1";
    if (field == "10.0.0.0" || field == "10.0.0.0/8" || field == "samenet")
        return address.compare(0, 3, "10.") == 0;
    if (field == "::1/128" || field == "127.0.0.1/32")
        return field.substr(0, field.find('/')) == address;
    return field == "db.example.org" && address == "10.1.2.3";
}

bool type_matches(const std::string& type, const HbaLogin& login) {
    if (type == "local" || login.local)
        return (type == "local") == login.local;
    return type == "host" || type == "hostnogssenc" || type == (login.ssl ? "hostssl" : "hostnossl");
}

bool database_matches(const HbaWord& word, const HbaLogin& login, HbaWorld& world, int version) {
    if (login.physical)
        return keyword(word, "replication");
    if (keyword(word, "all"))
        return true;
    if (keyword(word, "sameuser"))
        return login.database == login.role;
    if (keyword(word, "samerole") || keyword(word, "samegroup"))
        return world.is_member(login.role, login.database);
    if (keyword(word, "replication"))
        return false;
    if (version >= 160000 && word.text.substr(0, 1) == "/")
        return world.matches(login.database, word.text.substr(1));
    return word.text == login.database;
}

bool role_matches(const HbaWord& word, const HbaLogin& login, HbaWorld& world, int version) {
    if (!word.quoted && word.text.substr(0, 1) == "+")
        return world.is_member(login.role, word.text.substr(1));
    if (keyword(word, "all"))
        return true;
    if (version >= 160000 && word.text.substr(0, 1) == "/")
        return world.matches(login.role, word.text.substr(1));
    return word.text == login.role;
}

bool allowed(const core::hba::Lockdown& lockdown, const std::string& role, HbaWorld& world) {
    const auto is_role = [&](const core::string& name) { return std::string_view(name) == role; };
    if (!lockdown.include_superusers &&
        std::any_of(lockdown.superusers.begin(), lockdown.superusers.end(), is_role))
        return true;
    return std::any_of(lockdown.allow_roles.begin(), lockdown.allow_roles.end(),
                       [&](const core::string& group) { return world.is_member(role, group); });
}

const char* wrong_decision(const core::hba::Lockdown& lockdown, const HbaLogin& login, HbaWorld& world,
                           const std::string& before, const std::string& after) {
    if (login.physical) {
        if (lockdown.include_replication)
            return hba_rejects(after) ? nullptr : "replication is not rejected";
        return before == after ? nullptr : "replication is decided otherwise";
    }
    if (!allowed(lockdown, login.role, world))
        return hba_rejects(after) ? nullptr : "one who may not come is not rejected";
    if (before.empty())
        return hba_rejects(after) ? nullptr : "one whom no rule let in comes in";
    return before == after ? nullptr : "one who may come is decided otherwise";
}

} // namespace

bool HbaWorld::is_member(std::string_view role, std::string_view group) {
    const auto found = roles.find(std::string(role));
    return found != roles.end() && roles.count(std::string(group)) > 0 &&
           (role == group || found->second.count(std::string(group)) > 0);
}

core::vector<core::string> HbaWorld::members_of(std::string_view group) {
    core::vector<core::string> members;
    for (const auto& [name, groups] : roles)
        if (groups.count(std::string(group)) > 0)
            members.push_back(core_string(name));
    return members;
}

bool HbaWorld::matches(std::string_view role, std::string_view pattern) {
    // What a fuzzer finds to be slow.
    if (pattern.size() > 60 || pattern.find_first_of("({*|") != pattern.npos)
        return false;
    try {
        return std::regex_search(std::string(role), std::regex(std::string(pattern)));
    } catch (const std::regex_error&) {
        return false;
    }
}

std::optional<core::hba::File> HbaWorld::read(std::string_view name, std::string_view) {
    const auto file = files.find(std::string(name));
    if (file == files.end())
        return std::nullopt;
    return core::hba::File{core_string(file->first), core_string(file->second)};
}

std::optional<core::vector<core::hba::File>> HbaWorld::read_directory(std::string_view name,
                                                                      std::string_view) {
    core::vector<core::hba::File> found;
    const std::string prefix = std::string(name) + "/";
    for (const auto& [path, text] : files)
        if (path.compare(0, prefix.size(), prefix) == 0)
            found.push_back({core_string(path), core_string(text)});
    if (found.empty())
        return std::nullopt;
    return found;
}

std::vector<HbaFields> hba_fields(const std::string& text, HbaWorld& world, int version, int depth) {
    std::vector<HbaFields> result;
    for (const std::string& line : logical_lines(text, version)) {
        HbaFields fields;
        std::vector<HbaWord> field;
        for (const RawWord& raw : raw_words(line, version)) {
            expand(raw.word, world, version, depth, field);
            if (!raw.comma && !field.empty())
                fields.push_back(std::exchange(field, {}));
        }
        if (!field.empty())
            fields.push_back(field);
        const std::string first = fields.empty() ? "" : fields[0][0].text;
        if (version >= 160000 && fields.size() == 2 && first.substr(0, 7) == "include" && depth <= 10) {
            for (const auto& [path, content] : world.files)
                if (path == fields[1][0].text ||
                    (first == "include_dir" && path.find(fields[1][0].text + "/") == 0))
                    for (HbaFields& included : hba_fields(content, world, version, depth + 1))
                        result.push_back(std::move(included));
        } else if (!fields.empty()) {
            result.push_back(std::move(fields));
        }
    }
    return result;
}

std::string hba_decision(const std::vector<HbaFields>& rules, const HbaLogin& login, HbaWorld& world,
                         int version) {
    for (const HbaFields& rule : rules) {
        if (rule.size() < 4 || !type_matches(rule[0][0].text, login) ||
            (!login.local && !address_matches(rule[3][0].text, login.address)))
            continue;
        const auto any = [&](const std::vector<HbaWord>& words, auto matches) {
            return std::any_of(words.begin(), words.end(),
                               [&](const HbaWord& word) { return matches(word, login, world, version); });
        };
        if (!any(rule[1], database_matches) || !any(rule[2], role_matches))
            continue;
        std::string decision = rule[0][0].text;
        for (std::size_t i = 3; i < rule.size(); ++i)
            for (const HbaWord& word : rule[i])
                decision += (&word == &rule[i][0] ? "|" : ",") + word.text;
        return decision;
    }
    return "";
}

bool hba_rejects(const std::string& decision) {
    return decision.find("|reject") != std::string::npos;
}

const char* violated_by_lock(const std::string& text, const core::hba::Lockdown& lockdown, int version,
                             HbaWorld& world, const std::vector<HbaLogin>& logins) {
    core::string locked;
    try {
        if (core::hba::is_locked(text))
            return nullptr;
        locked = core::hba::lock({core_string("pg_hba.conf"), core_string(text)}, lockdown,
                                 core::hba::dialect_of(version), world)
                     .text;
    } catch (const core::Error&) {
        return nullptr; // refused
    }
    const std::optional<core::string> unlocked = core::hba::unlock(locked);
    if (!unlocked || std::string_view(*unlocked) != text)
        return "unlock does not restore the text";
    const auto before = hba_fields(text, world, version);
    const auto after = hba_fields({locked.data(), locked.size()}, world, version);
    for (const HbaLogin& login : logins)
        if (const char* const wrong =
                wrong_decision(lockdown, login, world, hba_decision(before, login, world, version),
                               hba_decision(after, login, world, version)))
            return wrong;
    return nullptr;
}

HbaWorld odd_world() {
    HbaWorld world;
    world.roles = {{"root", {}},
                   {"all", {}},
                   {"+staff", {}},
                   {"@admins", {}},
                   {"odd \"one\", here#", {"odd group"}},
                   {"alice", {"staff", "dba"}},
                   {"bob", {"staff"}},
                   {"carol", {"dba", "odd group"}},
                   {"/^a", {}},
                   {"replication", {}},
                   {"staff", {}},
                   {"dba", {"staff"}},
                   {"odd group", {}}};
    world.files = {{"admins", "alice, bob # two\nroot +\"odd group\"\n"},
                   {"everyone", "all\n"},
                   {"nested", "@admins\r\n\"carol\" @everyone"},
                   {"dbs", "app replication\n"},
                   {"empty", "# nobody\n"},
                   {"loop", "@loop\n"},
                   {"more.conf", "local app bob md5 map=more\nhost all +dba all md5 map=more2\n"},
                   {"conf.d/a.conf", "include more.conf\nlocal all all reject map=a\n"},
                   {"conf.d/b.conf", "host all @admins all trust map=b\n"}};
    return world;
}

const char* violated_by_lock(const std::string& text, unsigned choice, unsigned login_seed) {
    static HbaWorld world = odd_world();
    const int version = versions[choice % std::size(versions)];
    core::hba::Lockdown lockdown;
    for (const char* const name : {"root", "all", "odd \"one\", here#", "/^a"})
        lockdown.superusers.push_back(name);
    lockdown.include_superusers = choice / 16 % 2 == 1;
    lockdown.include_replication = choice / 32 % 2 == 1;
    for (const char* const name : {"dba", "+staff", "carol", "odd group"})
        if ((choice >>= 1) / 64 % 2 == 1)
            lockdown.allow_roles.push_back(name);
    std::mt19937 random(login_seed);
    std::vector<HbaLogin> logins;
    for (int i = 0; i < 40; ++i) {
        static const char* const addresses[] = {"10.1.2.3", "127.0.0.1", "::1", "2001:db8::1"};
        static const char* const databases[] = {"app", "all", "alice", "dba", "my db", "replication"};
        auto role = world.roles.begin();
        std::advance(role, random() % world.roles.size());
        logins.push_back({random() % 3 == 0, random() % 2 == 0, addresses[random() % 4],
                          databases[random() % 6], role->first, random() % 4 == 0});
    }
    return violated_by_lock(text, lockdown, version, world, logins);
}

} // namespace sessionctl::test
