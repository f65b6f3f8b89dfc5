// Who is over a limit, and when is the next one? The reaper's decisions, without a server.
#pragma once

#include "core/clock.hpp"
#include "core/memory.hpp"
#include "core/reaper/limits.hpp"
#include "core/sessions/session.hpp"

#include <cstdint>
#include <optional>

namespace sessionctl::core {

/// What one look tells of a client's session.
struct SessionSample {
    Session session;
    Limits limits;
    bool waits_for_client; // in the middle of a statement, or of what it delivers
};

/// Whether a process did anything. One that sleeps, with nothing to read, and has not run since the last look
/// did not.
struct Inactivity {
    bool is_asleep;         // waits in the kernel, neither stopped nor with something to read from its client
    std::uint64_t switches; // how often it gave up the processor or lost it
};

/// What costs more than a look at the table, and is asked only where a decision, or what is told of it, hangs
/// on it.
class Facts {
  public:
    /// How many sessions wait behind it.
    virtual int waiting_behind(const Session& session) = 0;
    /// By how many transactions it holds back the vacuum horizon.
    virtual std::int64_t held_back(const Session& session) = 0;
    virtual Inactivity inactivity(const Session& session) = 0;
    /// For certain: its end of the connection is closed.
    virtual bool is_client_gone(const Session& session) = 0;

  protected:
    ~Facts() = default;
};

/// A session over a limit.
struct LimitViolation {
    Rule rule;
    Session session;
    std::int32_t limit;     // ms; for the horizon rule transactions
    Timestamp lasted;       // microseconds: idle, silent, without its client, in its transaction, or in all
    int waiting_behind;     // sessions
    std::int64_t held_back; // for the horizon rule
    bool is_cancel;         // of the statement: the session stays
    std::uint64_t switches; // where it was found to be silent: Inactivity::switches
};

/// Its client does not read the notifications that it delivers.
bool is_for_unread_notifications(const LimitViolation& violation) noexcept;
/// Was it found to be silent?
bool is_for_silence(const LimitViolation& violation) noexcept;

/// Remembers what it must of each session, by its slot in the session table, and computes when to look again:
/// a session can't be look_by before its limit is over, whatever it does meanwhile.
class LimitMonitor {
  public:
    explicit LimitMonitor(int slots);

    /// Begins a look at all sessions.
    void begin(Timestamp monotonic, Timestamp wall) noexcept;
    /// Somebody with these limits may log in from now on.
    void expect_login(const Limits& limits) noexcept;
    /// The first rule that the session violates. One that was dealt with is no violation again.
    std::optional<LimitViolation> check(const SessionSample& sample, Facts& facts);
    /// Is it older than it may be? Asked after check(): it ends where its transaction does, and other rules
    /// bind it until then. An violation again at each look, until it was sent a signal.
    std::optional<LimitViolation> check_lifetime(const SessionSample& sample);
    /// When the next look is look_by, on the monotonic clock; `never` where there is no limit to watch.
    Timestamp next_look() const noexcept { return next_look_; }

    /// It may stay: not to be asked about again for a minute.
    void exempt(const Session& session);
    /// Is it over a limit, and was that excused?
    bool is_exempt(const Session& session) const noexcept;
    /// It was told of: no second time for the same violation.
    void logged(const LimitViolation& violation);
    /// Its statement was cancelled.
    void cancelled(const LimitViolation& violation) noexcept;
    /// It was sent a signal to end.
    void signalled(const Session& session);
    /// It changed just before the signal, or is about to: what it does now is seen in a moment.
    void look_again_soon() noexcept;
    /// It may not be signalled as long as it does what it does: it is asked about again in a second.
    void look_again_later() noexcept;
    /// Settings changed: who was excused is judged anew, and who was told of where `forgets_logged`.
    void reconsider(bool forgets_logged) noexcept;

    static constexpr Timestamp never = INT64_MAX;

  private:
    struct History {
        Identity id;
        Timestamp began;        // monotonic
        Timestamp state_change; // wall clock
        Timestamp state_since;  // monotonic
        Timestamp xact_start;
        Timestamp xact_since;
        Timestamp query_start;
        Timestamp query_since;
        Timestamp cancelled_at; // that statement; 0: it was not
        Timestamp exempt_until;
        std::int32_t logged_limit[rule_count]; // the limit over which it was told of, by rule; 0: it was not
        bool was_signalled;
        bool was_asleep;
        std::uint64_t switches;
        Timestamp silent_since_look; // when `switches` was read
        Timestamp silent_for;
        Timestamp gone_since; // its client; 0: it is there
    };

    History& history_of(const Session& session);
    void look_by(Timestamp at) noexcept;
    bool is_exceeded(Timestamp since, Timestamp limit, bool applies) noexcept;
    bool was_logged(const SessionSample& sample, const History& history, Rule rule, Timestamp next) noexcept;
    std::optional<LimitViolation> check_duration(Rule rule, const SessionSample& sample,
                                                 const History& history, Timestamp since,
                                                 bool applies) noexcept;
    std::optional<LimitViolation> check_statement(const SessionSample& sample,
                                                  const History& history) noexcept;
    std::optional<LimitViolation> check_blocking(const SessionSample& sample, const History& history,
                                                 Facts& facts);
    std::optional<LimitViolation> check_horizon(const SessionSample& sample, History& history, Facts& facts);
    std::optional<LimitViolation> check_client_silence(const SessionSample& sample, History& history,
                                                       Facts& facts);
    std::optional<LimitViolation> check_client_gone(const SessionSample& sample, History& history,
                                                    Facts& facts);
    void measure_silence(History& history, Inactivity inactivity, Timestamp longest_gap) noexcept;

    Clock clock_;
    vector<History> histories_;
    Timestamp next_look_ = never;
};

} // namespace sessionctl::core
