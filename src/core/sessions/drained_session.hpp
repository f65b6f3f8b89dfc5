// One session that ends where its transaction does.
#pragma once

#include "core/sessions/signal_and_prove.hpp"

namespace sessionctl::core {

/// How far a session is that was asked to end.
enum class DrainAnswer : std::uint8_t {
    none,
    will_end, // its transaction is over: it ends when its client has the answer
    ends,     // it ends, or has ended
};

/// Asks sessions to end. With the library preloaded they begin no further transaction and end by themselves
/// after the present one.
class DrainRequester {
  public:
    virtual void ask(const Session& session) = 0;
    virtual DrainAnswer answer_of(const Session& session) noexcept = 0;

  protected:
    ~DrainRequester() = default;
};

/// A session that was asked to end, and what was observed of it since.
class DrainedSession {
  public:
    explicit DrainedSession(Timestamp at) noexcept : at_(at) {}

    /// Looks at it once more, and terminates it where it is in no transaction, if `may_signal`. True when its
    /// outcome is final.
    bool settle(Target& target, bool may_signal, Server& server, DrainRequester& requester);
    /// Why it is still running; null: its turn has not come.
    const char* reason(const Session& session) const noexcept;

  private:
    bool has_stalled(const Observation& observed, Timestamp now) noexcept;

    Timestamp at_; // on the server's clock
    const char* reason_ = nullptr;
    Timestamp state_change_ = 0; // of the idle state when first observed
    Timestamp idle_since_ = 0;   // on the server's clock
};

/// Has it ended, or is it ending, because of the drain? Not so if it disconnected by itself.
bool was_ended(const Target& target, DrainRequester& requester) noexcept;

/// Did it not end its transaction in time?
bool is_unfinished(const Target& target) noexcept;

} // namespace sessionctl::core
