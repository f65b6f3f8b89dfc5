#include "core/keep_out/pgbouncer.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// Bytes, the quotes included: what its parser copies an argument into, less the end (admin.c, 1.0 to 1.25).
constexpr std::size_t longest_argument = 63;

/// What it takes without quotes, and then as it is: it folds no case.
bool needs_no_quotes(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

} // namespace

string console_name(std::string_view database) {
    if (database.empty())
        throw Error(sqlstate::invalid_parameter_value, "argument \"database\" must not be empty")
            .hint("Name one database, as PgBouncer's SHOW DATABASES does.");
    // Plain names go without quotes, because quotes count.
    const string argument = std::all_of(database.begin(), database.end(), needs_no_quotes)
                                ? string(database.data(), database.size())
                                : in_quotes(database);
    if (argument.size() > longest_argument)
        throw Error(sqlstate::name_too_long,
                    "database name \"%.*s\" is too long for PgBouncer's admin console",
                    static_cast<int>(database.size()), database.data())
            .detail("The limit is 63 bytes, or 61 for a name that has other characters than letters, digits "
                    "and underscores, which must be quoted. A quote in the name counts twice.")
            .hint("Give the database a shorter name in PgBouncer's section [databases].");
    return argument;
}

} // namespace sessionctl::core
