// Draining: sessions end where their transactions do, idle ones at once.
#pragma once

#include "core/sessions/engine.hpp"

namespace sessionctl::core {

/// What a session that was asked to leave has done about it.
enum class DrainAnswer : std::uint8_t {
    none,
    will_end, // its transaction is over: it ends as soon as its client knows that
    ends, // it ends, or has ended
};

/// Sessions that can be asked to leave: where the server is prepared for it, they begin no transaction any
/// more and end by themselves after the one they are in.
class DrainRequester {
  public:
    virtual void ask(const Session& session) = 0;
    virtual DrainAnswer answer_of(const Session& session) noexcept = 0;

  protected:
    ~DrainRequester() = default;
};

/// One that was asked to leave, and what was seen of it since.
class DrainedSession {
  public:
    explicit DrainedSession(Timestamp at) noexcept : at_(at) {}

    /// Looks at it once more, and ends it where it is in no transaction, if it `may` be signalled. True when
    /// there is nothing left to wait for: its outcome tells.
    bool settle(Target& target, bool may_signal, Server& server, DrainRequester& asker);
    /// Why it is still there; null: its turn has not come.
    const char* reason() const noexcept { return reason_; }

  private:
    bool has_stalled(const Observation& observed, Timestamp now) noexcept;

    Timestamp at_; // on the server's clock
    const char* reason_ = nullptr;
    Timestamp state_change_ = 0; // of its idleness, when it was first seen
    Timestamp idle_since_ = 0;   // on the server's clock
};

/// Has it ended, or does it, because it was asked to? One that left of its own accord was not.
bool was_ended(const Target& target, DrainRequester& asker) noexcept;

/// Ends every chosen target once it is in no transaction, and proves it, until `deadline` (monotonic). What
/// is left then is `still running`. Where it does not wait, it looks at each once, and who was signalled is
/// `signalled`. Elapsed time counts from the beginning. The observer hears of each when it
/// is gone, or can't be signalled.
void drain_all(Plan& plan, Timestamp deadline, bool waits, Server& server, DrainRequester& asker,
               ResultObserver& observer);

/// Did it not come to the end of its transaction in time?
bool is_unfinished(const Target& target) noexcept;

/// Signals whom drain_all left, in the middle of a transaction or not.
void force_rest(Plan& plan, Timestamp deadline, Server& server);

} // namespace sessionctl::core
