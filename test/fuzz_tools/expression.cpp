#include "expression.hpp"

#include <string_view>

namespace fuzz {

namespace {

constexpr std::string_view texts[] = {
    "",
    " ",
    "x",
    "app",
    "fuzz",
    "idle",
    "active",
    "postgres",
    "<IDLE>",
    "NULL",
    "true",
    "f",
    "0",
    "-1",
    "1",
    "2147483648",
    "99999999999999999999",
    "1e400",
    "NaN",
    "infinity",
    "-infinity",
    "1 h",
    "-178000000 years",
    "2147483647 days",
    "now",
    "2000-01-01",
    "294276-12-31",
    "127.0.0.1",
    "::1/200",
    "{}",
    "{a}",
    "{1,2}",
    "{NULL}",
    "{{a},{b}}",
    "[2147483646:2147483647]={1,2}",
    "(a)",
    "(,)",
    "[a,b)",
    "{[a,b]}",
    "empty",
    "[1,",
    "\\",
    "\\x",
    "'",
    "\"",
    "$1",
    "$$",
    "%s%n",
    "a b",
    "--",
    "/*",
    "\x01",
    "\n",
    "é",
    "雪",
    "()",
    "<a/>",
    "<a",
    "{\"a\":1}",
    "[1",
    "pg_class",
    "hostile.switching",
    "pg_temp.x",
    "[[:alpha:]]",
    "(",
    "a{99999}",
    "B'2'",
    "0x10",
    "1_000",
    "UTC",
    "Pacific/Kiritimati",
    "nowhere",
    "day",
    "century",
    "C",
    "pid",
    "usename",
    "oldest",
    "busiest",
    "longest",
    "blocked_by",
};

constexpr std::string_view splinters[] = {
    "(",
    ")",
    "'",
    "\"",
    "\\",
    ";",
    ",",
    "*",
    "$",
    "$1",
    "$$",
    "--",
    "/*",
    "*/",
    "::",
    "[",
    "]",
    ".",
    "=",
    " and ",
    " or ",
    " not ",
    " union select ",
    " from ",
    " where ",
    " order by 1",
    " limit 1",
    " into x",
    " for update",
    " as x",
    "null",
    "true",
    "s.*",
    "\x01",
    "\xff",
    "E'",
    "U&'",
    " collate ",
    " over ()",
    " operator(",
    "{",
    "}",
    "\n",
    "%",
    "@",
};

constexpr std::string_view numbers[] = {
    "0",   "1",     "-1",  "2147483647", "(-2147483648)",   "9223372036854775807",
    "1.5", "1e300", "pid", "$1",         "pg_backend_pid()"};

constexpr std::string_view polymorphic[] = {"any",
                                            "anyelement",
                                            "anyarray",
                                            "anynonarray",
                                            "anyenum",
                                            "anyrange",
                                            "anymultirange",
                                            "anycompatible",
                                            "anycompatiblearray",
                                            "record",
                                            "anycompatiblenonarray",
                                            "anycompatiblerange",
                                            "\"any\"",
                                            "\"char\""};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

bool is_number(const TypeName& type) {
    return type == "integer" || type == "bigint" || type == "smallint" || type == "numeric" ||
           type == "real" || type == "double precision" || type == "oid" || type == "xid";
}

} // namespace

std::string quoted(const std::string& text) {
    std::string result = "E'";
    for (const char c : text) {
        if (c == '\'' || c == '\\')
            result += '\\';
        result += c;
    }
    return result + "'";
}

std::string Expressions::text() {
    if (chance_.percent(4))
        return "repeat(" + quoted(std::string(chance_.one_of(texts))) + ", " +
               (chance_.percent(10) ? "3000000" : "2000") + ")";
    if (chance_.percent(3))
        return "NULL";
    return quoted(std::string(chance_.one_of(texts)));
}

std::string Expressions::literal(const TypeName& type) {
    if (chance_.percent(8))
        return "NULL";
    if (is_number(type))
        return std::string(chance_.one_of(numbers));
    if (type == "boolean" && chance_.percent(90))
        return chance_.percent(50) ? "true" : "false";
    const std::string value(chance_.one_of(texts));
    switch (chance_.below(8)) {
    case 0: // as the setting reads it, backslash and all
        return contains(value, "'") ? quoted(value) : "'" + value + "'";
    case 1:
        return "$q$" + value + "$q$";
    case 2:
        return type + " " + quoted(value);
    case 3:
        return "cast(" + quoted(value) + " as " + type + ")";
    case 4:
        return "$" + std::to_string(chance_.below(4)) + "::" + type;
    default:
        return quoted(value) + "::" + type;
    }
}

TypeName Expressions::concrete(const TypeName& type) {
    for (const std::string_view name : polymorphic) {
        if (type == name)
            return any_type();
    }
    return type;
}

std::string Expressions::column(const TypeName& type) {
    const auto found = catalog_.columns.find(type);
    if (found == catalog_.columns.end() || chance_.percent(5)) {
        auto any = catalog_.columns.begin();
        std::advance(any, chance_.below(catalog_.columns.size()));
        return chance_.one_of(any->second) + "::" + type;
    }
    return (chance_.percent(20) ? "s." : "") + chance_.one_of(found->second);
}

std::string Expressions::leaf(const TypeName& type) {
    if (chance_.percent(60))
        return column(type);
    if (chance_.percent(10))
        return "$" + std::to_string(1 + chance_.below(3));
    return literal(type);
}

std::string Expressions::call(const Operation& function, int depth) {
    std::string arguments;
    for (const TypeName& argument : function.arguments)
        arguments += (arguments.empty() ? "" : ", ") + of(concrete(argument), depth - 1);
    return function.name + "(" + arguments + ")";
}

std::string Expressions::operation(const TypeName& type, int depth) {
    const auto found = catalog_.operators.find(type);
    if (found == catalog_.operators.end())
        return leaf(type);
    const Operation& chosen = chance_.one_of(found->second);
    const std::string right = of(concrete(chosen.arguments.back()), depth - 1);
    if (chosen.arguments.size() == 1)
        return "(" + chosen.name + " " + right + ")";
    const std::string left = of(concrete(chosen.arguments.front()), depth - 1);
    if (type == "boolean" && chance_.percent(10))
        return "(" + left + " " + chosen.name + (chance_.percent(50) ? " any" : " all") + " (array[" + right +
               "]))";
    return "(" + left + " " + chosen.name + " " + right + ")";
}

std::string Expressions::subquery(const TypeName& type, int depth) {
    const std::string value = of(type, depth - 1);
    switch (chance_.below(8)) {
    case 0:
        return "(select " + value + " from pg_catalog.pg_locks as l where l.pid = s.pid limit 1)";
    case 1:
        return "(with w as (select " + value + " as v) select v from w)";
    case 2:
        return "(select max(v) from (values (" + value + "), (" + leaf(type) + ")) as t (v))";
    case 3:
        return "(select v from unnest(array[" + value + "]) as t (v) order by 1 limit 1)";
    case 4:
        return "(select first_value(v) over () from (select " + value + " as v) as t limit 1)";
    case 5:
        return "(select a." + column("integer") + "::text::" + type +
               " from sessionctl.session_activity as a limit 1)";
    case 6:
        return "(select " + value + " union select " + leaf(type) + " limit 1)";
    default:
        return "(select " + value + ")";
    }
}

std::string Expressions::boolean(int depth) {
    if (depth <= 0)
        return leaf("boolean");
    const TypeName& type = any_type();
    switch (chance_.below(14)) {
    case 0:
        return "(" + boolean(depth - 1) + " and " + boolean(depth - 1) + ")";
    case 1:
        return "(" + boolean(depth - 1) + " or " + boolean(depth - 1) + ")";
    case 2:
        return "not (" + boolean(depth - 1) + ")";
    case 3:
        return "(" + of(type, depth - 1) + (chance_.percent(50) ? " is null)" : " is not null)");
    case 4:
        return "(" + of(type, depth - 1) + " in (" + of(type, depth - 1) + ", " + leaf(type) + "))";
    case 5:
        return "(" + of(type, depth - 1) + " between " + leaf(type) + " and " + leaf(type) + ")";
    case 6:
        return "(" + of(type, depth - 1) + " is distinct from " + leaf(type) + ")";
    case 7:
        return "exists " + subquery(type, depth);
    case 8:
        return "(row(" + of(type, depth - 1) + ", pid) = row(" + leaf(type) + ", 1))";
    case 9:
        return "(" + of("text", depth - 1) + " like " + leaf("text") + " escape " + leaf("text") + ")";
    case 10:
        return "(" + of("text", depth - 1) + " collate \"C\" < " + leaf("text") + ")";
    default:
        return operation("boolean", depth);
    }
}

std::string Expressions::of(TypeName type, int depth) {
    if (chance_.percent(4))
        type = any_type();
    if (depth <= 0)
        return leaf(type);
    if (type == "boolean" && chance_.percent(60))
        return boolean(depth);
    const auto functions = catalog_.functions.find(type);
    switch (chance_.below(12)) {
    case 0:
        return "(" + of(any_type(), depth - 1) + ")::" + type;
    case 1:
        return "case when " + of("boolean", depth - 1) + " then " + of(type, depth - 1) + " else " +
               leaf(type) + " end";
    case 2:
        return "coalesce(" + of(type, depth - 1) + ", " + leaf(type) + ")";
    case 3:
        return "(array[" + of(type, depth - 1) + "])[" + of("integer", depth - 1) + "]";
    case 4:
        return subquery(type, depth);
    case 5:
    case 6:
    case 7:
        return functions == catalog_.functions.end() ? leaf(type)
                                                     : call(chance_.one_of(functions->second), depth);
    case 8:
        return leaf(type);
    default:
        return operation(type, depth);
    }
}

std::string Expressions::spoiled(std::string text) {
    for (std::size_t times = 1 + chance_.below(3); times > 0; --times) {
        const std::size_t place = chance_.below(text.size() + 1);
        switch (chance_.below(3)) {
        case 0:
            text.erase(place, 1 + chance_.below(8));
            break;
        case 1:
            text.insert(place, chance_.one_of(splinters));
            break;
        default:
            text.insert(place, text.substr(chance_.below(text.size() + 1), chance_.below(30)));
        }
    }
    return text;
}

std::string Expressions::condition() {
    std::string text = of("boolean", 1 + static_cast<int>(chance_.below(4)));
    if (chance_.percent(40))
        text = "pid > 0 and " + text;
    return chance_.percent(12) ? spoiled(text) : text;
}

} // namespace fuzz
