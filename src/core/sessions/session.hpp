// A session as the core sees it: its identity, kind and state.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>

namespace sessionctl::core {

/// Microseconds since 2000-01-01, PostgreSQL's timestamptz; 0 where there is none.
using Timestamp = std::int64_t;
constexpr Timestamp microseconds_per_millisecond = 1000;
constexpr Timestamp microseconds_per_second = 1000 * 1000;
constexpr Timestamp unix_epoch_of_timestamp = 946684800; // in seconds

/// What PostgreSQL takes for a time; it refuses to show any other.
constexpr bool is_time(Timestamp time) noexcept {
    return time >= -211813488000000000 && time < 9223371331200000000; // 4714 BC to 294276 AD
}

/// A session is its process and the moment that process became a session: a pid alone is reused.
struct Identity {
    std::int32_t pid;
    Timestamp start;

    bool operator==(const Identity& other) const noexcept { return pid == other.pid && start == other.start; }
    bool operator!=(const Identity& other) const noexcept { return !(*this == other); }
};

/// The identity as %c prints it in the server log: start in whole Unix seconds, then pid, both hexadecimal.
struct SessionId {
    char text[32];

    explicit SessionId(Identity identity) noexcept {
        const Timestamp seconds = identity.start / microseconds_per_second + unix_epoch_of_timestamp;
        std::snprintf(text, sizeof text, "%lx.%x", static_cast<long>(seconds),
                      static_cast<unsigned>(identity.pid));
    }
};

/// The identity that such a text names, its start in whole seconds; none where it is no such text.
std::optional<Identity> parse_session_id(std::string_view text) noexcept;

enum class Kind : std::uint8_t {
    client,
    walsender,          // for physical replication: connected to no database
    database_walsender, // to one: it runs SQL (10) as a client does, or sends a logical stream
    parallel_worker,
    autovacuum_worker, // these two are connected to a database
    background_worker, // replication's that applies what it subscribes to, or an extension's
    other
};

inline bool is_walsender(Kind kind) noexcept {
    return kind == Kind::walsender || kind == Kind::database_walsender;
}

/// Sessions that log in to a database: lockdowns and limits apply to all of them.
inline bool is_login(Kind kind) noexcept {
    return kind == Kind::client || kind == Kind::database_walsender;
}

/// Works in a database for no client, and so blocks DROP DATABASE. Launchers, auxiliary processes and our own
/// workers are connected to none.
inline bool is_background(Kind kind) noexcept {
    return kind == Kind::autovacuum_worker || kind == Kind::background_worker;
}

enum class State : std::uint8_t {
    undefined,
    starting,
    idle,
    active,
    idle_in_transaction,
    fastpath,
    idle_in_transaction_aborted,
    disabled
};

/// As pg_stat_activity.state spells it; null where that is NULL.
const char* state_name(State state) noexcept;

inline bool is_idle_in_transaction(State state) noexcept {
    return state == State::idle_in_transaction || state == State::idle_in_transaction_aborted;
}

/// Waits for its client's next command, in a transaction or not.
inline bool is_idle(State state) noexcept {
    return state == State::idle || is_idle_in_transaction(state);
}

inline bool is_active(State state) noexcept {
    return state == State::active || state == State::fastpath;
}

struct Session {
    Identity id;
    std::int32_t slot; // its place in the server's session table
    Kind kind;
    State state;
    bool is_self;
    bool is_superuser;
    bool is_protected;
    bool may_signal;
    bool is_visible; // what it does, and its times, to the caller
    Timestamp state_change;
    Timestamp query_start;
    Timestamp xact_start; // 0: in no transaction
};

/// When its client's transaction began; 0: it is in none. An idle session has transactions of its own, to
/// accept what others have changed or to send notifications: they seem to begin with the last statement. One
/// that begins later is its client's, which has only asked for the description of a statement.
inline Timestamp transaction_start(const Session& session) noexcept {
    const bool is_its_own = session.state == State::idle && session.xact_start <= session.state_change;
    return is_its_own ? 0 : session.xact_start;
}

/// When a session began, changed its state, and so on; 0 where there is no such time.
struct Stamps {
    Timestamp start;
    Timestamp state_change;
    Timestamp query_start;
    Timestamp xact_start;
};

inline Stamps stamps_of(const Session& session) noexcept {
    return {session.id.start, session.state_change, session.query_start, transaction_start(session)};
}

/// Idle, and yet in a transaction: it sends notifications, which needs one.
inline bool delivers_notifications(const Session& session) noexcept {
    return session.state == State::idle && session.xact_start != 0;
}

} // namespace sessionctl::core
