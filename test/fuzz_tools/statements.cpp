// Random calls of pg_sessionctl's functions: statements CONNINFO SEED SECONDS BOOK
//
// Random conditions, and nasty values for every other argument. Sessions may end, its own among them: it
// connects again. Each statement is written to the file BOOK before it is sent. On standard output in the
// end:
//
//   statements N, errors N of N kinds, connections N
//   internal: MESSAGE IN STATEMENT     an XX000 that core alone does not raise for the same expression
//   core: MESSAGE        one that it does
//   error: COUNT SQLSTATE KIND

#include "catalog.hpp"
#include "chance.hpp"
#include "expression.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

namespace fuzz {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::minutes(2);

/// A message without what differs from statement to statement.
std::string kind_of(const char* message) {
    std::string kind;
    char quote = 0;
    for (const char* c = message; *c != '\0' && *c != '\n' && kind.size() < 150; ++c) {
        if (quote != 0) {
            if (*c == quote)
                quote = 0;
        } else if (*c == '"') {
            quote = *c;
            kind += "\"...\"";
        } else if (*c >= '0' && *c <= '9') {
            if (kind.empty() || kind.back() != '#')
                kind += '#';
        } else {
            kind += *c;
        }
    }
    return kind;
}

struct Call {
    std::string statement;
    std::string condition; // empty: the function takes none
    std::string args;      // for its parameters, an array; empty: none
    std::string before, after;
};

class Calls {
  public:
    Calls(const Catalog& catalog, Chance& chance)
        : catalog_(catalog), chance_(chance), expressions_(catalog, chance) {}

    Call next();

  private:
    std::string argument(const Parameter& parameter);
    std::string interval();
    std::string target(const std::string& name);
    std::string texts();
    std::string arguments(const Callable& callable, Call& call);
    void wrap(Call& call);

    const Catalog& catalog_;
    Chance& chance_;
    Expressions expressions_;
};

constexpr std::string_view intervals[] = {
    "'0'",
    "'-1 s'",
    "'1 us'",
    "'178000000 years'",
    "'-178000000 years'",
    "'2147483647 days'",
    "'1 mon -30 days'",
    "'2562047788:00:54'",
    "NULL",
    "'10 ms'",
};
constexpr std::string_view times[] = {
    "'infinity'", "'-infinity'", "'4714-11-24 BC'", "'294276-12-31'", "NULL", "now() + '100 ms'", "now()"};
constexpr std::string_view integers[] = {
    "NULL", "0", "1", "-1", "2147483647", "-2147483648", "pg_backend_pid()"};
constexpr std::string_view relations[] = {
    "NULL", "0", "1", "4294967295", "'pg_class'", "'hostile.held'", "'pg_authid_rolname_index'"};
constexpr std::string_view names[] = {"'fuzz_victim'", "'fuzz_target'", "'nobody'", "'fuzz_owned'"};
constexpr std::string_view values[] = {"on", "off", "0", "1", "''"};
constexpr std::string_view orders[] = {"'oldest'",  "'newest'", "'longest_idle'",
                                       "'busiest'", "'OLDEST'", "''"};

std::string Calls::interval() {
    return std::string(chance_.percent(80) ? "'5 ms'" : chance_.one_of(intervals));
}

/// What a lockdown is for: never who or what this program needs.
std::string Calls::target(const std::string& name) {
    if (chance_.percent(60))
        return std::string(chance_.one_of(names));
    if (name == "role" && chance_.percent(10))
        return "repeat('r', 10000)";
    const std::string text = expressions_.text();
    const bool is_needed = text.find("fuzz") != text.npos || text.find("postgres") != text.npos;
    return is_needed ? "''" : text;
}

std::string Calls::texts() {
    static constexpr std::string_view shapes[] = {
        "NULL", "'{}'", "'{NULL}'", "'{{a,b},{c,d}}'", "'[0:1]={a,b}'", "array_fill('x'::text, ARRAY[2000])"};
    if (chance_.percent(15))
        return std::string(chance_.one_of(shapes));
    std::string list;
    for (std::size_t count = chance_.below(5); count > 0; --count)
        list += (list.empty() ? "" : ", ") + expressions_.text();
    return "ARRAY[" + list + "]::text[]";
}

std::string Calls::argument(const Parameter& parameter) {
    const std::string& name = parameter.name;
    const std::string& type = parameter.type;
    if (type == "interval")
        return interval();
    if (type == "text[]")
        return texts();
    if (type == "boolean")
        return chance_.percent(5) ? "NULL" : chance_.percent(50) ? "true" : "false";
    if (type == "integer")
        return std::string(chance_.one_of(integers));
    if (type == "timestamp with time zone")
        return std::string(chance_.one_of(times));
    if (type == "regclass")
        return std::string(chance_.one_of(relations));
    if (name == "keep_which" && chance_.percent(80))
        return std::string(chance_.one_of(orders));
    if (name == "role" || name == "database" || name == "name")
        return target(name);
    return type == "text" ? expressions_.text() : expressions_.literal(type);
}

std::string Calls::arguments(const Callable& callable, Call& call) {
    const bool closes_server = callable.name == "sessionctl.lockdown_server";
    std::string list;
    for (const Parameter& parameter : callable.parameters) {
        const bool is_first = &parameter == &callable.parameters.front();
        std::string value;
        if (parameter.name == "condition") {
            call.condition = expressions_.condition();
            value = quoted(call.condition);
        } else if (!is_first && chance_.percent(60)) {
            continue;
        } else if (closes_server && parameter.name == "include_superusers") {
            value = "false"; // so that somebody can open it again
        } else {
            value = argument(parameter);
        }
        if (parameter.name == "args")
            call.args = value;
        list += (list.empty() ? "\"" : ", \"") + parameter.name + "\" := " + value;
    }
    return list;
}

/// The same call from other places.
void Calls::wrap(Call& call) {
    switch (chance_.below(12)) {
    case 0:
        call.statement = "DO $do$ BEGIN PERFORM * FROM " +
                         call.statement.substr(call.statement.find("sessionctl.")) +
                         "; EXCEPTION WHEN division_by_zero THEN NULL; END $do$";
        break;
    case 1:
        call.before = "BEGIN";
        call.after = chance_.percent(50) ? "ROLLBACK" : "COMMIT";
        break;
    case 2:
        call.before = "BEGIN; DECLARE c CURSOR FOR " + call.statement + "; FETCH 1 FROM c";
        call.statement = "FETCH ALL FROM c";
        call.after = "ROLLBACK";
        break;
    case 3:
        if (!call.condition.empty())
            call.statement = "SELECT hostile.counted_by_other(" + quoted(call.condition) + ")";
        break;
    case 4:
        call.before =
            "SET " + chance_.one_of(catalog_.settings) + " = " + std::string(chance_.one_of(values));
        break;
    case 5:
        call.before = "RESET ALL; SET search_path = hostile, pg_temp";
        break;
    case 6:
        call.before = std::string("SET hostile.name = ") +
                      (chance_.percent(70) ? "'standard_conforming_strings'"
                                           : quoted(chance_.one_of(catalog_.settings))) +
                      "; SET hostile.value = " + (chance_.percent(50) ? "'off'" : "'on'");
        break;
    default:
        break;
    }
}

Call Calls::next() {
    const Callable* callable = &chance_.one_of(catalog_.callables);
    while (chance_.percent(70) &&
           (callable->parameters.empty() || callable->parameters.front().name != "condition"))
        callable = &chance_.one_of(catalog_.callables);
    Call call;
    call.statement = "SELECT * FROM " + callable->name + "(" + arguments(*callable, call) + ")";
    wrap(call);
    if (callable->name == "sessionctl.lockdown_server")
        call.after += (call.after.empty() ? "" : "; ") + std::string("SELECT sessionctl.unlock_server()");
    return call;
}

class Client {
  public:
    Client(const char* conninfo, const char* book) : conninfo_(conninfo), book_(book, std::ios::trunc) {
        connect();
    }
    ~Client() { PQfinish(connection_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Takes the time that it needs.
    Catalog read_catalog();
    void make(const Call& call);
    void tell() const;

  private:
    void connect();
    void reconnect();
    void send(const std::string& sql, const Call& call);
    void look_at(const PGresult* result, const Call& call);
    bool is_cores_own(const std::string& kind, const Call& call);

    const std::string conninfo_;
    std::ofstream book_;
    PGconn* connection_ = nullptr;
    unsigned long statements_ = 0, errors_ = 0, connections_ = 0;
    std::map<std::string, unsigned long> kinds_;
    std::set<std::string> internal_, core_;
};

/// Each login has another name: a cooldown keeps out the one that was ended.
void Client::connect() {
    const auto deadline = Clock::now() + patience;
    do {
        const std::string words = conninfo_ + " application_name=fuzz_" + std::to_string(++connections_);
        connection_ = PQconnectdb(words.c_str());
        if (PQstatus(connection_) == CONNECTION_OK) {
            PQsetNoticeProcessor(
                connection_, [](void*, const char*) {}, nullptr);
            PQclear(PQexec(connection_, "SET statement_timeout = '2s'; SET client_min_messages = error;"
                                        " SET lock_timeout = '500ms'; SELECT sessionctl.unlock_server()"));
            return;
        }
        std::fprintf(stderr, "%s", PQerrorMessage(connection_));
        PQfinish(connection_);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    } while (Clock::now() < deadline);
    std::fprintf(stderr, "cannot connect any more\n");
    std::exit(2);
}

void Client::reconnect() {
    PQfinish(connection_);
    connect();
}

/// The other caller may cancel it, or end the session.
Catalog Client::read_catalog() {
    const auto deadline = Clock::now() + patience;
    for (;;) {
        try {
            PQclear(PQexec(connection_, "SET statement_timeout = 0; SET lock_timeout = 0"));
            Catalog catalog = fuzz::read_catalog(connection_);
            reconnect(); // with timeouts again
            return catalog;
        } catch (const std::runtime_error& error) {
            if (Clock::now() >= deadline) {
                std::fprintf(stderr, "%s\n", error.what());
                std::exit(2);
            }
            reconnect();
        }
    }
}

/// Core may stumble over the same expression: then it is not our fault.
bool Client::is_cores_own(const std::string& kind, const Call& call) {
    if (call.condition.empty())
        return false;
    PQclear(PQexec(connection_, "ROLLBACK"));
    PGresult* const args = PQexec(
        connection_, ("SELECT unnest(" + (call.args.empty() ? "NULL::text[]" : call.args) + ")").c_str());
    std::string same =
        "SELECT count(*) FROM sessionctl.session_activity AS s WHERE (" + call.condition + "\n)";
    std::vector<const char*> values;
    for (int row = 0; row < PQntuples(args); ++row) {
        values.push_back(PQgetisnull(args, row, 0) != 0 ? nullptr : PQgetvalue(args, row, 0));
        // A parameter that the condition does not use has to have a type as well.
        same += " AND ($" + std::to_string(row + 1) + "::text IS NULL OR true)";
    }
    PGresult* const result = PQexecParams(connection_, same.c_str(), static_cast<int>(values.size()), nullptr,
                                          values.data(), nullptr, nullptr, 0);
    PQclear(args);
    const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const bool is_same = message != nullptr && kind_of(message) == kind;
    PQclear(result);
    return is_same;
}

void Client::look_at(const PGresult* result, const Call& call) {
    const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (sqlstate == nullptr || message == nullptr)
        return;
    const std::string_view state = sqlstate;
    const std::string kind = kind_of(message);
    ++errors_;
    ++kinds_[std::string(state) + " " + kind];
    if (state.substr(0, 2) != "XX")
        return;
    if (is_cores_own(kind, call))
        core_.insert(kind);
    else
        internal_.insert(kind + " IN " + call.before + "; " + call.statement);
}

void Client::send(const std::string& sql, const Call& call) {
    if (sql.empty())
        return;
    book_ << sql << ";\n" << std::flush;
    ++statements_;
    PGresult* const result = PQexec(connection_, sql.c_str());
    if (PQstatus(connection_) == CONNECTION_OK) {
        look_at(result, call);
    } else {
        reconnect();
    }
    PQclear(result);
}

void Client::make(const Call& call) {
    send(call.before, call);
    send(call.statement, call);
    send(call.after, call);
}

void Client::tell() const {
    std::printf("statements %lu, errors %lu of %zu kinds, connections %lu\n", statements_, errors_,
                kinds_.size(), connections_);
    for (const auto& what : internal_)
        std::printf("internal: %s\n", what.c_str());
    for (const auto& what : core_)
        std::printf("core: %s\n", what.c_str());
    for (const auto& [kind, count] : kinds_)
        std::printf("error: %lu %s\n", count, kind.c_str());
}

} // namespace

} // namespace fuzz

int main(int count, char** words) {
    if (count != 5) {
        std::fprintf(stderr, "usage: statements CONNINFO SEED SECONDS BOOK\n");
        return 2;
    }
    fuzz::Client client(words[1], words[4]);
    const fuzz::Catalog catalog = client.read_catalog();
    fuzz::Chance chance(std::strtoul(words[2], nullptr, 10));
    fuzz::Calls calls(catalog, chance);
    const auto end = fuzz::Clock::now() + std::chrono::seconds(std::atoi(words[3]));
    while (fuzz::Clock::now() < end)
        client.make(calls.next());
    client.tell();
    return 0;
}
