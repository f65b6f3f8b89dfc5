#include "core/reaper/violation_text.hpp"

#include <cstdio>

namespace sessionctl::core {

namespace {

string counted(std::int64_t count, const char* one, const char* many) {
    char text[128];
    std::snprintf(text, sizeof text, "%lld %s", static_cast<long long>(count), count == 1 ? one : many);
    return text;
}

string limit_of(const LimitViolation& violation) {
    string text(" (pg_sessionctl.");
    text.append(rule_name(violation.rule));
    text.append(" is ");
    text.append(violation.rule == Rule::horizon ? counted(violation.limit, "transaction", "transactions")
                                                : exact_time(violation.limit));
    text.append(")");
    return text;
}

const char* what_it_did(const LimitViolation& violation) noexcept {
    if (is_for_unread_notifications(violation))
        return "The session waited for its client to read notifications for ";
    switch (violation.rule) {
    case Rule::idle_in_transaction:
    case Rule::blocking:
    case Rule::horizon:
        return "The session was idle in transaction for ";
    case Rule::idle_session:
        return "The session was idle for ";
    case Rule::transaction:
        return "The transaction lasted for ";
    case Rule::client_silence:
        return "The session waited for its client, in the middle of a statement, for ";
    case Rule::client_gone:
        return "The session continued without its client for ";
    case Rule::statement:
        return violation.is_cancel ? "The statement ran for "
                                   : "The statement continued after it was cancelled, in all for ";
    case Rule::lifetime:
        return "The session lasted for ";
    }
    return "";
}

} // namespace

string detail_of(const LimitViolation& violation) {
    string text(what_it_did(violation));
    text.append(length_of_time(violation.lasted));
    if (violation.rule == Rule::horizon) {
        text.append(" and held back the vacuum horizon by ");
        text.append(counted(violation.held_back, "transaction", "transactions"));
    }
    if (violation.waiting_behind > 0) {
        text.append(" while ");
        text.append(counted(violation.waiting_behind, "session", "sessions"));
        text.append(" waited for it");
    }
    text.append(limit_of(violation));
    text.append(".");
    return text;
}

const char* hint_of(const LimitViolation& violation) noexcept {
    if (is_for_unread_notifications(violation))
        return "Read notifications without long pauses; connect again and repeat LISTEN.";
    switch (violation.rule) {
    case Rule::idle_in_transaction:
    case Rule::blocking:
    case Rule::horizon:
        return "Commit or roll back as soon as the work is done; connect again and repeat what was not "
               "committed.";
    case Rule::idle_session:
        return "Connect again, or close connections that are not needed.";
    case Rule::transaction:
        return "Do the work in shorter transactions; connect again and repeat what was not committed.";
    case Rule::client_silence:
        return "Read the results and send the data without long pauses; connect again and repeat what was "
               "not committed.";
    case Rule::client_gone:
        return "Stay connected until the statement has ended; connect again and repeat what was not "
               "committed.";
    case Rule::statement:
        return violation.is_cancel
                   ? "Make the statement faster, or divide it."
                   : "Let a statement end when it is cancelled; connect again and repeat what was not "
                     "committed.";
    case Rule::lifetime:
        return "Connect again and repeat the statement that got this error, if any: it was not run.";
    }
    return "";
}

} // namespace sessionctl::core
