// Which sessions exceed a limit, and when the next one can. The reaper's decisions, without a server.
#pragma once

#include "core/memory.hpp"
#include "core/reaper/session_history.hpp"

#include <cstdint>
#include <optional>

namespace sessionctl::core {

/// What one look shows of a client's session.
struct SessionSample {
    Session session;
    Limits limits;
    bool waits_for_client; // in the middle of a statement, or of what it delivers
};

/// Facts that cost more than a look at the session table: read only where a decision or its record needs
/// them.
class Facts {
  public:
    /// How many sessions wait for its locks, directly or not.
    virtual int waiting_behind(const Session& session) = 0;
    /// How many transactions it holds back the vacuum horizon.
    virtual std::int64_t held_back(const Session& session) = 0;
    virtual Inactivity inactivity(const Session& session) = 0;
    /// True only if the client's end of the connection is certainly closed.
    virtual bool is_client_gone(const Session& session) = 0;

  protected:
    ~Facts() = default;
};

/// A session exceeds a limit.
struct LimitViolation {
    Rule rule;
    Session session;
    std::int32_t limit;     // ms; for the horizon rule transactions
    Timestamp lasted;       // microseconds: idle, silent, without its client, in its transaction, or in all
    int waiting_behind;     // sessions
    std::int64_t held_back; // for the horizon rule
    bool is_cancel;         // of the statement: the session stays
    std::uint64_t switches; // Inactivity::switches when the silence was found
};

/// The client does not read the notifications that the session sends.
bool is_for_unread_notifications(const LimitViolation& violation) noexcept;
/// The session was found waiting for a silent client.
bool is_for_silence(const LimitViolation& violation) noexcept;

/// Keeps a history of each session, by its slot in the session table, and computes when to look again: a
/// session can't exceed a limit before that time has passed, whatever it does meanwhile.
class LimitMonitor {
  public:
    explicit LimitMonitor(int slots);

    /// Begins a look at all sessions.
    void begin(Timestamp monotonic, Timestamp wall) noexcept;
    /// A session with these limits may log in from now on.
    void expect_login(const Limits& limits) noexcept;
    /// The first rule that the session violates. A violation that was handled is not returned again.
    std::optional<LimitViolation> check(const SessionSample& sample, Facts& facts);
    /// The lifetime rule, to be checked after check(): the session ends after its transaction, and the other
    /// rules hold until then. The violation is returned at each look until the session was signalled.
    std::optional<LimitViolation> check_lifetime(const SessionSample& sample);
    /// When the next look is due, on the monotonic clock; `never` where there is no limit.
    Timestamp next_look() const noexcept { return next_look_; }

    /// The session may stay: it is not checked again for a minute.
    void exempt(const Session& session);
    /// Was it exempted, and does that still hold?
    bool is_exempt(const Session& session) const noexcept;
    /// The violation was logged: it is not returned again.
    void logged(const LimitViolation& violation);
    /// The statement was cancelled.
    void cancelled(const LimitViolation& violation) noexcept;
    /// The session was sent SIGTERM.
    void signalled(const Session& session);
    /// The session changed just before the signal, or is about to: look at it again in a millisecond.
    void look_again_soon() noexcept;
    /// The session must not be signalled while it commits this transaction: look at it again in a millisecond
    /// and, if it still does, as late again as it has for by then, up to a second. But its next statement may
    /// be over the same limit as soon. Returns for how long it has.
    Timestamp look_again_in_commit(const LimitViolation& violation, std::uint32_t transaction);
    /// Settings changed: exemptions end, and with `forgets_logged` violations are returned once more.
    void reconsider(bool forgets_logged) noexcept;

    static constexpr Timestamp never = INT64_MAX;

  private:
    using Found = std::optional<LimitViolation>;
    using History = SessionHistory;

    History& history_of(const Session& session);
    void look_by(Timestamp at) noexcept;
    bool is_exceeded(Timestamp since, Timestamp limit, bool applies) noexcept;
    bool was_logged(const SessionSample& sample, const History& history, Rule rule, Timestamp next) noexcept;
    Found check_time(Rule rule, const SessionSample& sample, const History& history, Timestamp since,
                     bool applies) noexcept;
    Found check_statement(const SessionSample& sample, const History& history) noexcept;
    Found check_blocking(const SessionSample& sample, const History& history, Facts& facts);
    Found check_horizon(const SessionSample& sample, History& history, Facts& facts);
    Found check_client_silence(const SessionSample& sample, History& history, Facts& facts);
    Found check_client_gone(const SessionSample& sample, History& history, Facts& facts);

    Clock clock_;
    vector<History> histories_;
    Timestamp next_look_ = never;
};

} // namespace sessionctl::core
