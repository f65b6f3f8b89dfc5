#include "core/reaper/limits.hpp"

namespace sessionctl::core {

const char* limit_name(Limit limit) noexcept {
    switch (limit) {
    case Limit::idle_in_transaction:
        return "idle_in_transaction_timeout";
    case Limit::blocking:
        return "idle_in_transaction_blocking_timeout";
    case Limit::horizon_age:
        return "idle_in_transaction_horizon_age";
    case Limit::horizon_idle:
        return "idle_in_transaction_horizon_idle";
    case Limit::idle_session:
        return "idle_session_timeout";
    case Limit::transaction:
        return "transaction_timeout";
    case Limit::client_silence:
        return "client_silence_timeout";
    case Limit::client_gone:
        return "client_gone_timeout";
    case Limit::statement:
        return "statement_timeout";
    case Limit::lifetime:
        return "session_lifetime_timeout";
    }
    return "";
}

void Limits::switch_off() noexcept {
    const std::int32_t horizon_idle = (*this)[Limit::horizon_idle];
    values_ = {};
    (*this)[Limit::horizon_idle] = horizon_idle;
}

Limit limit_of(Rule rule) noexcept {
    switch (rule) {
    case Rule::idle_in_transaction:
        return Limit::idle_in_transaction;
    case Rule::blocking:
        return Limit::blocking;
    case Rule::horizon:
        return Limit::horizon_age;
    case Rule::idle_session:
        return Limit::idle_session;
    case Rule::transaction:
        return Limit::transaction;
    case Rule::client_silence:
        return Limit::client_silence;
    case Rule::client_gone:
        return Limit::client_gone;
    case Rule::statement:
        return Limit::statement;
    case Rule::lifetime:
        return Limit::lifetime;
    }
    return {};
}

const char* rule_name(Rule rule) noexcept {
    return limit_name(limit_of(rule));
}

} // namespace sessionctl::core
