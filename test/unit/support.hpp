// Short ways to say what a test needs.
#pragma once

#include "core/error.hpp"
#include "core/memory.hpp"
#include "core/sessions/session.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace sessionctl::test {

inline std::string str(const core::string& text) {
    return {text.data(), text.size()};
}

constexpr core::Timestamp minute = 60 * core::microseconds_per_second;
constexpr core::Timestamp hour = 60 * minute;
constexpr core::Timestamp day = 24 * hour;

inline core::Timestamp seconds(core::Timestamp n) {
    return n * core::microseconds_per_second;
}
inline core::Timestamp milliseconds(core::Timestamp n) {
    return n * core::microseconds_per_millisecond;
}

/// An ordinary client that the caller may act on, started `pid` seconds after the epoch, idle since then.
inline core::Session client(std::int32_t pid) {
    core::Session session = {};
    session.id = {pid, seconds(pid)};
    session.kind = core::Kind::client;
    session.state = core::State::idle;
    session.may_signal = true;
    session.is_visible = true;
    session.state_change = session.id.start;
    session.query_start = session.id.start;
    return session;
}

/// A background worker that reports nothing of what it does.
inline core::Session worker(std::int32_t pid, core::Kind kind = core::Kind::background_worker) {
    core::Session session = client(pid);
    session.kind = kind;
    session.state = core::State::undefined;
    session.is_superuser = true;
    return session;
}

/// The values of an enumeration have these names, in the order in which it declares them.
template <typename Value>
void expect_names(const char* (*name_of)(Value), std::initializer_list<const char*> names) {
    int value = 0;
    for (const char* const name : names)
        EXPECT_STREQ(name_of(static_cast<Value>(value++)), name);
}

/// The core::Error that `body` throws.
template <typename Body>
core::Error error_of(Body&& body) {
    try {
        body();
    } catch (const core::Error& error) {
        return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return core::Error("00000", "no error");
}

} // namespace sessionctl::test
