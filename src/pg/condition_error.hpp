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

/// What an error is about, for the time of one call: our statement, and the caller's condition in it.
class Subject {
  public:
    Subject(const Statement& statement, const char* condition);

    /// An error context callback. The innermost one: further out PL/pgSQL would take the place for one in its
    /// query.
    static void place(void* subject) noexcept;

    /// Gives a hint where core gave none.
    void explain(ErrorData& error) const noexcept;

  private:
    const Statement& statement_;
    const char* condition_;
    int length_; // of the condition, in characters
};

/// pg::call whose errors are about the condition: the caret stands in the caller's own text.
template <typename Body>
auto about_condition(const Statement& statement, const char* condition, Body&& body) {
    Subject subject(statement, condition);
    try {
        return call([&] {
            ErrorContextCallback callback = {error_context_stack, Subject::place, &subject};
            error_context_stack = &callback; // pg::call puts the outer one back
            return body();
        });
    } catch (const PgError& e) {
        subject.explain(*e.data());
        throw;
    }
}

/// Errors: the one that this finding is worth, with a caret where it has a place.
[[noreturn]] void refuse(const Finding& finding, const Statement& statement, const char* condition);

} // namespace sessionctl::pg
