#include "pg/condition_error.hpp"

#include "core/error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace sessionctl::pg {

const char expression_hint[] = "A condition is one boolean expression over the columns of "
                               "sessionctl.session_activity, without ';' and not ending in a comment.";

namespace {

/// Where the error is in the caller's own text, in characters from 1.
int own_position(int position, int prefix, const char* condition) {
    const int last = call([condition] { return pg_mbstrlen(condition); }) + 1;
    return std::clamp(position - prefix, 1, last);
}

const char* old_spelling_hint(const char* message) noexcept {
    if (std::strstr(message, "procpid") != nullptr)
        return "The column is called pid since PostgreSQL 9.2.";
    if (std::strstr(message, "current_query") != nullptr)
        return "The column is called query since PostgreSQL 9.2.";
    return nullptr;
}

} // namespace

void point_at_condition(ErrorData& error, const Statement& statement, const char* condition) {
    if (error.cursorpos > 0) {
        error.internalpos = own_position(error.cursorpos, statement.prefix, condition);
        error.cursorpos = 0;
        error.internalquery = const_cast<char*>(condition);
    }
    // SPI has already turned the place into one in our statement.
    if (error.internalpos > 0 && error.internalquery != nullptr && error.internalquery != condition &&
        statement.text == error.internalquery) {
        error.internalpos = own_position(error.internalpos, statement.prefix, condition);
        error.internalquery = const_cast<char*>(condition);
    }
    if (error.hint != nullptr)
        return;
    if (error.sqlerrcode == ERRCODE_SYNTAX_ERROR || error.sqlerrcode == ERRCODE_DATATYPE_MISMATCH)
        error.hint = const_cast<char*>(expression_hint);
    else if (error.sqlerrcode == ERRCODE_UNDEFINED_COLUMN)
        error.hint = const_cast<char*>(old_spelling_hint(error.message));
}

void refuse(const Finding& finding, const Statement& statement, const char* condition) {
    int position = 0;
    if (finding.location >= 0) {
        const int characters =
            call([&] { return pg_mbstrlen_with_len(statement.text.c_str(), finding.location); });
        position = own_position(characters + 1, statement.prefix, condition);
    }
    const char* const function = call([&finding]() -> const char* {
        return OidIsValid(finding.function) ? format_procedure(finding.function) : "";
    });
    const auto fail = [&](const char* sqlstate, const char* message, const char* hint) {
        core::Error error(sqlstate, message, function);
        error.hint("%s", hint);
        if (position > 0)
            error.at(condition, position);
        throw error;
    };
    switch (finding.offence) {
    case Offence::volatile_function:
        fail(core::sqlstate::feature_not_supported, "volatile function %s is not allowed in a condition",
             "A condition only looks. To end sessions give it to sessionctl.terminate_where.");
        break;
    case Offence::old_spelling:
        fail(core::sqlstate::invalid_parameter_value, "no session shows '<IDLE>' as its query%s",
             "Since PostgreSQL 9.2 write state = 'idle' or state = 'idle in transaction'.");
        break;
    case Offence::subquery_under_other:
        fail(core::sqlstate::insufficient_privilege,
             "a subquery is not allowed in a condition inside a SECURITY DEFINER function%s",
             "It would run with that function's rights. Compare with values passed in args instead.");
        break;
    case Offence::foreign_object:
        fail(core::sqlstate::insufficient_privilege,
             function[0]
                 ? "function %s is not allowed in a condition inside a SECURITY DEFINER function"
                 : "only types of pg_catalog are allowed in a condition inside a SECURITY DEFINER function%s",
             "It would run with that function's rights. Only functions and types of pg_catalog may be used "
             "there.");
        break;
    case Offence::ignores_session:
        fail(core::sqlstate::invalid_parameter_value, "the condition does not look at the session%s",
             "It would match every session or none. Name a column of sessionctl.session_activity, in a "
             "subquery as "
             "s.pid; user is the current user, not the session's: write usename. To select every session use "
             "'true'.");
        break;
    case Offence::none:
        break;
    }
    throw std::logic_error("condition refused without a reason");
}

} // namespace sessionctl::pg
