// Draining: sessions end where their transactions do, idle ones at once.
#pragma once

#include "core/engine.hpp"

namespace sessionctl::core {

/// What a session that was asked to leave has done about it.
enum class Answer : std::uint8_t {
    none,
    will, // its transaction is over: it ends as soon as its client knows that
    does, // it ends, or has ended
};

/// Sessions that can be asked to leave: where the server is prepared for it, they begin no transaction any
/// more and end by themselves after the one they are in.
class Asker {
  public:
    virtual void ask(const Session& session) = 0;
    virtual Answer answer_of(const Session& session) noexcept = 0;

  protected:
    ~Asker() = default;
};

/// Ends every chosen target once it is in no transaction, and proves it, until `deadline` (monotonic). What
/// is left then is `still running`. Where it does not wait, it looks at each once, and who was signalled is
/// `signalled`. Elapsed time counts from the beginning. The chronicle hears of each when it
/// is gone, or can't be signalled.
void drain_all(Plan& plan, Timestamp deadline, bool waits, Server& server, Asker& asker,
               Chronicle& chronicle);

/// Did it not come to the end of its transaction in time?
bool is_unfinished(const Target& target) noexcept;

/// Signals whom drain_all left, in the middle of a transaction or not.
void force_rest(Plan& plan, Timestamp deadline, Server& server);

} // namespace sessionctl::core
