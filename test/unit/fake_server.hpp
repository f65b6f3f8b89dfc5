// A made-up server: a session table with slots, processes with pids that are reused, and a clock that moves
// only when somebody sleeps or a test says so.
#pragma once

#include "core/sessions/drain.hpp"
#include "core/sessions/escalation.hpp"
#include "support.hpp"

#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace sessionctl::test {

/// One session from its start to its end.
struct Life {
    core::Session session;
    bool listed = true;   // stands in the session table
    bool in_array = true; // stands in the process array
    bool awaits_standby = false;
    bool is_streaming = false;
    bool blocks_others = false;
    bool is_spared = false;
    bool is_in_transaction = false; // as a background process
    bool refuses = false;           // the operating system answers EPERM
    bool is_found = false;          // the condition would still select it
    core::Closing::Result closing =
        core::Closing::Result::closed; // what comes of closing its client's connection
    bool is_cut_off = false;           // and was it?
    int signals = 0;                   // how many it got
    core::Action last_signal = core::Action::count;
};

/// A deadline that never comes.
constexpr core::Timestamp forever = std::numeric_limits<core::Timestamp>::max();

class FakeServer final : public core::Server {
  public:
    using Hook = std::function<void(Life*)>;

    /// A session in a slot of its own.
    Life& start(const core::Session& session);
    /// Another session with the pid of an ended one, in the slot of that one.
    Life& start_successor(const Life& ended);
    /// Out of the table; the process is still there.
    void leave_table(Life& life);
    /// The process is gone, and with it all the rest.
    void end(Life& life);

    /// Runs when the clock comes to it.
    void after(core::Timestamp delay, std::function<void()> event);
    void pass(core::Timestamp time);

    /// The answer to a signal; by default nothing happens.
    Hook on_signal;
    /// What follows when its client's connection is closed.
    Hook on_close;
    /// What happens just before a call; where no process has the pid, it gets null.
    Hook before_pin, before_look, before_find, before_lock_look, before_send;
    /// What happens during a sleep, and before each session's turn; may throw.
    std::function<void()> on_sleep, on_check_interrupts;

    std::vector<std::string> trace; // "pin 1", "look 1", "send 1", "release 1"
    std::vector<core::Timestamp> sleeps;

    bool pin(const core::Session& session, core::Action action) override;
    core::Delivery send() override;
    void release() noexcept override;
    core::Closing close_socket() override;
    core::Observation look(const core::Session& session) override;
    bool still_selects(const core::Session& session) override;
    bool spares(const core::Session& session) override;
    bool awaits_standby(const core::Session& session) override;
    bool blocks_others(const core::Session& session) override;
    core::Timestamp now() override { return clock_; }
    void check_interrupts() override {
        if (on_check_interrupts)
            on_check_interrupts();
    }
    void sleep(core::Timestamp microseconds) override;

  private:
    Life* process_with(std::int32_t pid);
    void note(const char* call, std::int32_t pid);

    std::deque<Life> lives_;
    std::vector<Life*> table_;
    std::unordered_map<std::int32_t, Life*> processes_;
    std::multimap<core::Timestamp, std::function<void()>> events_;
    Life* pinned_ = nullptr;
    core::Action pinned_for_ = core::Action::count; // what it was held for
    bool is_held_alive_ = false;
    core::Timestamp clock_ = seconds(1000);
};

/// "1 terminated": what it heard of, as it was then; "step" where one was over, "pause" where the call slept.
class FakeChronicle final : public core::StepObserver {
  public:
    void has_result(const core::Target& target) noexcept override {
        heard.push_back(std::to_string(target.session.id.pid) + " " + core::outcome_name(target.outcome));
    }
    void step_is_over(core::Step each) noexcept override {
        over.push_back(each);
        heard.emplace_back("step");
    }
    void pause() {
        if (heard.empty() || heard.back() != "pause")
            heard.emplace_back("pause");
    }

    std::vector<std::string> heard;
    std::vector<core::Step> over;
};

/// Sessions that answer as a test says; by default none.
class FakeRequester final : public core::DrainRequester {
  public:
    std::function<void(const core::Session&)> on_ask;
    std::vector<std::int32_t> asked;
    std::map<std::int32_t, core::DrainAnswer> answers;

    void ask(const core::Session& session) override {
        asked.push_back(session.id.pid);
        if (on_ask)
            on_ask(session);
    }
    core::DrainAnswer answer_of(const core::Session& session) noexcept override {
        const auto found = answers.find(session.id.pid);
        return found != answers.end() ? found->second : core::DrainAnswer::none;
    }
};

/// A server, and a plan with some of its sessions.
class ServerTest : public testing::Test {
  protected:
    Life& choose(const core::Session& session) {
        Life& life = server.start(session);
        core::Target target = {};
        target.session = life.session;
        plan.push_back(target);
        return life;
    }

    FakeServer server;
    FakeChronicle observer;
    core::Plan plan;
};

} // namespace sessionctl::test
