// Errors about a condition, with positions in the caller's own text.
#pragma once

#include "core/memory.hpp"
#include "pg/condition/check.hpp"
#include "pg/condition/condition.hpp"
#include "pg/error.hpp"

namespace sessionctl::pg {

/// The statement that contains a condition. The log, auto_explain and the like show `text`; the parser gets
/// `parsed`: SELECT and the condition alone, at the same offset, so that positions agree.
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

/// The condition that errors during one call are about.
class ConditionContext {
  public:
    explicit ConditionContext(const char* condition);

    /// An error context callback. It has to be the innermost one: PL/pgSQL's would take the position for one
    /// in its own query.
    static void add_position(void* context) noexcept;

    /// Adds a hint if core gave none.
    void add_hint(ErrorData& error) const noexcept;

  private:
    const char* condition_;
    int length_; // of the condition, in characters
};

/// pg::call for work on the condition: positions in errors are converted to the caller's text.
template <typename Body>
auto about_condition(const char* condition, Body&& body) {
    ConditionContext context(condition);
    try {
        return call([&] {
            ErrorContextCallback callback = {error_context_stack, ConditionContext::add_position, &context};
            error_context_stack = &callback; // pg::call restores the outer one
            return body();
        });
    } catch (const PgError& e) {
        context.add_hint(*e.data());
        throw;
    }
}

/// Errors: 42601; `label` is a name after the expression, or null.
[[noreturn]] void refuse_as_no_expression(const char* label);

/// Raises the error for this finding, with its position if there is one.
[[noreturn]] void refuse(const Finding& finding, const Statement& statement, const Condition& condition);

} // namespace sessionctl::pg
