// Signal by identity, then prove: the part of every call that touches other people's sessions.
#pragma once

#include "core/sessions/plan.hpp"

namespace sessionctl::core {

/// How a session looks at this moment.
struct Observation {
    bool listed;  // it is in the session table: only then may it be signalled
    bool present; // false only when it is proven gone: neither in the table nor in the process array
    State state;
    Timestamp state_change;
    Timestamp query_start;
    Timestamp xact_start;
    bool is_streaming;      // as a walsender: what it does in transactions is no work of its client's
    bool is_in_transaction; // told of background processes alone, which need not report a state
};

enum class Delivery : std::uint8_t { delivered, gone, denied };

/// What must still be true of a session at the instant of the signal.
enum class Recheck : std::uint8_t {
    identity,       // the same session
    statement,      // and it still runs the statement that was chosen
    idleness,       // and it has been idle ever since, in the same transaction or in none
    transaction,    // and it is still in the same transaction
    selection,      // the same, or it would be found again
    work,           // and it still runs the statement that was chosen, is idle in its transaction, or
                    // blocks others while it is idle outside of one
    wait,           // and it still runs the statement that was chosen, and would be found again
    no_transaction, // and it is in none: idle, or its transaction was rolled back by an error, or it streams
};

/// What became of the attempt to close a client's connection.
struct Closing {
    enum class Result : std::uint8_t { closed, gone, not_found, denied };

    Result result;
    const char* reason; // why it was not closed; a constant
};

/// The server as the engine needs it: pg/ has the real one, the unit tests a made-up one.
class Server {
  public:
    /// Pins the session's process and prepares the signal, so that nothing but the signal follows on a look;
    /// false where there is no process with that pid. One process is pinned at a time.
    virtual bool hold(const Session& session, Action action) = 0;
    virtual Delivery send() = 0;
    virtual void release() noexcept = 0;
    /// Closes the connection of the held session's client.
    virtual Closing close_socket() = 0;
    virtual Observation look(const Session& session) = 0;
    /// For Recheck::selection and wait: what it was chosen for is still true of it.
    virtual bool still_selects(const Session& session) = 0;
    /// Is it to be left alone at this moment, whatever was true when it was chosen?
    virtual bool spares(const Session& session) = 0;
    /// Does its commit wait for a synchronous standby?
    virtual bool awaits_standby(const Session& session) = 0;
    /// Does anybody wait for a lock behind it, which has been idle since then (wall clock)? While it is held
    /// this is looked up anew; else one look does for all sessions, until somebody sleeps.
    virtual bool blocks_others(const Session& session, Timestamp idle_since) = 0;
    /// Monotonic, in microseconds.
    virtual Timestamp now() = 0;
    /// Throws where the call is to be broken off.
    virtual void check_interrupts() = 0;
    /// May throw: a cancel ends the wait.
    virtual void sleep(Timestamp microseconds) = 0;

  protected:
    ~Server() = default;
};

/// Hears what became of the targets while the call still waits for others.
class ResultObserver {
  public:
    /// Nothing more becomes of this one. Of who was never acted on, too, and perhaps more than once.
    virtual void has_result(const Target& target) noexcept = 0;

  protected:
    ~ResultObserver() = default;
};

/// A process pinned from here to the end of the scope, if there is one.
class PinnedProcess {
  public:
    PinnedProcess(Server& server, const Session& session, Action action)
        : server_(server), held_(server.hold(session, action)) {}
    ~PinnedProcess() {
        if (held_)
            server_.release();
    }
    PinnedProcess(const PinnedProcess&) = delete;
    PinnedProcess& operator=(const PinnedProcess&) = delete;
    explicit operator bool() const noexcept { return held_; }

  private:
    Server& server_;
    const bool held_;
};

/// Does it still run the statement with which it was chosen?
bool runs_chosen_statement(const Session& chosen, const Observation& observed) noexcept;

/// Does it run the statement, or wait for its client in the transaction, with which it was chosen?
bool is_at_work(const Session& chosen, const Observation& observed) noexcept;

/// Idle outside of a transaction, is it all the same in the way of others? A lock that outlives transactions,
/// as an advisory lock of the session does.
bool blocks_while_idle(const Session& session, const Observation& observed, Server& server);

/// What the look at the instant of the signal says: chosen (go), already gone, not running, no longer
/// matches.
Outcome outcome_of_recheck(Recheck recheck, const Session& chosen, const Observation& observed) noexcept;

/// Signals a chosen target, if what the recheck says is still true.
void signal_one(Target& target, Action action, Recheck recheck, Server& server);

/// May another target be acted on before `deadline`? Throws where the call is to be broken off.
bool has_time(Timestamp deadline, Server& server);

/// Signals every chosen target; whose turn has not come at `deadline` (monotonic) is `not reached`.
/// Afterwards none is `chosen` any more.
void signal_all(Plan& plan, Action action, Recheck recheck, Timestamp deadline, Server& server);

/// Those are done with then.
void report_results(vector<const Target*>& done, ResultObserver& observer) noexcept;

/// How long to wait before the next look: a fiftieth of what was waited already, so that a quick end is seen
/// at once and a long wait costs little.
Timestamp pause_after(Timestamp waited, Timestamp left) noexcept;

/// Has a signalled session done what it was asked for?
using Proof = bool (*)(const Session& chosen, const Observation& observed, Server& server);
bool is_gone(const Session& chosen, const Observation& observed, Server& server) noexcept;

/// Watches all signalled targets side by side until each has done it, which is a `success`, or until
/// `deadline` on the server's monotonic clock; what is left then is `still running`. The observer hears of
/// who is not waited for at once, of the others after the look that found them done, before the next pause.
void watch_all(Plan& plan, Proof is_done, Outcome success, Timestamp deadline, Server& server,
               ResultObserver& observer);

/// The same until each is proven ended (or its statement is).
void prove_all(Plan& plan, Action action, Timestamp deadline, Server& server, ResultObserver& observer);

} // namespace sessionctl::core
