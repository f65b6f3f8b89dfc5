// Errors about a condition, told in terms of the caller's own text.
#pragma once

#include "core/memory.hpp"
#include "pg/condition/check.hpp"
#include "pg/error.hpp"

namespace sessionctl::pg {

/// The statement that a condition stands in. It is shown as `text` (by the log, auto_explain and the like)
/// and parsed as `parsed`: the condition alone behind SELECT, at the same place, so that positions agree.
struct Statement {
    core::string text;
    core::string parsed;

    static constexpr std::string_view before = "SELECT s.pid FROM sessionctl.session_activity AS s WHERE ";
    static constexpr int prefix = static_cast<int>(before.size()); // characters before the condition

    explicit Statement(const char* condition) : text(before), parsed("SELECT") {
        text.append(condition);
        parsed.append(before.size() - parsed.size(), ' ').append(condition);
    }
};

/// What an error is about, for the time of one call: the caller's condition.
class Subject {
  public:
    explicit Subject(const char* condition);

    /// An error context callback. The innermost one: further out PL/pgSQL would take the place for one in its
    /// query.
    static void place(void* subject) noexcept;

    /// Gives a hint where core gave none.
    void explain(ErrorData& error) const noexcept;

  private:
    const char* condition_;
    int length_; // of the condition, in characters
};

/// pg::call whose errors are about the condition: the caret stands in the caller's own text.
template <typename Body>
auto about_condition(const char* condition, Body&& body) {
    Subject subject(condition);
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

/// Errors: 42601; `label` is a name that follows the expression, or null.
[[noreturn]] void refuse_as_no_expression(const char* label);

/// Errors: the one that this finding is worth, with a caret where it has a place.
[[noreturn]] void refuse(const Finding& finding, const Statement& statement, const char* condition);

} // namespace sessionctl::pg
