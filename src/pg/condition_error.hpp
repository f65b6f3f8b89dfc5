// Errors about a condition, told in terms of the caller's own text.
#pragma once

#include "core/memory.hpp"
#include "pg/condition_check.hpp"
#include "pg/error.hpp"

namespace sessionctl::pg {

/// A statement with the condition in it, and how many characters stand before the condition.
struct Statement {
    core::string text;
    int prefix;

    Statement(std::string_view before, std::string_view condition, std::string_view after)
        : prefix(static_cast<int>(before.size())) {
        text.append(before.data(), before.size());
        text.append(condition.data(), condition.size());
        text.append(after.data(), after.size());
    }
};

/// The hint for what is not one boolean expression.
extern const char expression_hint[];

/// Turns an error about our statement into one about the caller's condition: the caret into their text, a
/// hint where core gave none.
void point_at_condition(ErrorData& error, const Statement& statement, const char* condition);

/// pg::call whose errors are about the condition.
template <typename Body>
auto about_condition(const Statement& statement, const char* condition, Body&& body) {
    try {
        return call(body);
    } catch (const PgError& e) {
        point_at_condition(*e.data(), statement, condition);
        throw;
    }
}

/// Errors: the one that this finding is worth, with a caret where it has a place.
[[noreturn]] void refuse(const Finding& finding, const Statement& statement, const char* condition);

} // namespace sessionctl::pg
