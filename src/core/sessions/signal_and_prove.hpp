// Signals sessions by identity, then proves the effect: the part that all calls share.
#pragma once

#include "core/sessions/recheck.hpp"

namespace sessionctl::core {

enum class Delivery : std::uint8_t {
    delivered,
    gone,
    denied,
    changed, // not sent: it is in another transaction by now, or commits
};

/// What became of the attempt to close a client's connection.
struct Closing {
    enum class Result : std::uint8_t { closed, gone, not_found, denied };

    Result result;
    const char* reason; // why it was not closed; a constant
};

/// The server, as far as these functions need it: pg/ has the real one, the unit tests a made-up one.
class Server {
  public:
    /// Pins the session's process and prepares the signal, so that only the signal is left to do after a
    /// look; false where there is no process with that pid. One process is pinned at a time.
    virtual bool pin(const Session& session, Action action) = 0;
    virtual Delivery send() = 0;
    virtual void release() noexcept = 0;
    /// Closes the connection of the pinned session's client.
    virtual Closing close_socket() = 0;
    virtual Observation look(const Session& session) = 0;
    /// For Recheck::selection and wait: what it was chosen for is still true of it.
    virtual bool still_selects(const Session& session) = 0;
    /// Must it not be signalled at this moment, whatever was true when it was chosen?
    virtual bool spares(const Session& session) = 0;
    /// Does its commit wait for a synchronous standby?
    virtual bool awaits_standby(const Session& session) = 0;
    /// Does anybody wait for a lock behind it?
    virtual bool blocks_others(const Session& session) = 0;
    /// Monotonic, in microseconds.
    virtual Timestamp now() = 0;
    /// Throws where the call was cancelled.
    virtual void check_interrupts() = 0;
    /// May throw: a cancel ends the wait.
    virtual void sleep(Timestamp microseconds) = 0;

  protected:
    ~Server() = default;
};

/// Is told of results while the call still waits for other targets.
class ResultObserver {
  public:
    /// The outcome is final. Called for targets that were not acted on, too, and perhaps more than once.
    virtual void has_result(const Target& target) noexcept = 0;

  protected:
    ~ResultObserver() = default;
};

/// A process pinned from here to the end of the scope, if there is one.
class PinnedProcess {
  public:
    PinnedProcess(Server& server, const Session& session, Action action)
        : server_(server), pinned_(server.pin(session, action)) {}
    ~PinnedProcess() {
        if (pinned_)
            server_.release();
    }
    PinnedProcess(const PinnedProcess&) = delete;
    PinnedProcess& operator=(const PinnedProcess&) = delete;
    explicit operator bool() const noexcept { return pinned_; }

  private:
    Server& server_;
    const bool pinned_;
};

/// Does it block others while it is idle outside of a transaction? A session-level advisory lock does that.
bool blocks_while_idle(const Session& session, const Observation& observed, Server& server);

/// Signals a chosen target if the recheck holds.
void signal_one(Target& target, Action action, Recheck recheck, Server& server);

/// May another target be acted on before `deadline`? Throws where the call was cancelled.
bool has_time(Timestamp deadline, Server& server);

/// Signals every chosen target; those that are left at `deadline` (monotonic) are `not reached`. Afterwards
/// none is `chosen` any more.
void signal_all(Plan& plan, Action action, Recheck recheck, Timestamp deadline, Server& server);

/// Reports them and empties the list.
void report_results(vector<const Target*>& done, ResultObserver& observer) noexcept;

/// How long to wait before the next look: a fiftieth of the wait so far, so that a quick end is seen at once
/// and a long wait costs little.
Timestamp pause_after(Timestamp waited, Timestamp left) noexcept;

/// Has the signal had its effect?
using Proof = bool (*)(const Session& chosen, const Observation& observed, Server& server);
bool is_gone(const Session& chosen, const Observation& observed, Server& server) noexcept;
/// It does not run the statement any more with which it was chosen.
bool has_stopped(const Session& chosen, const Observation& observed, Server& server) noexcept;

/// Watches all signalled targets side by side until each `is_done`, which gives it the outcome `success`, or
/// until `deadline` (monotonic); the rest is `still running` then. The observer is told at once of targets
/// that were not signalled, and of the others after the look that found them done.
void watch_all(Plan& plan, Proof is_done, Outcome success, Timestamp deadline, Server& server,
               ResultObserver& observer);

/// The same until each is proven ended (or its statement is).
void prove_all(Plan& plan, Action action, Timestamp deadline, Server& server, ResultObserver& observer);

} // namespace sessionctl::core
