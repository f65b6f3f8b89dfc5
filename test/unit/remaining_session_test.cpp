#include "core/sessions/remaining_session.hpp"

#include "support.hpp"

#include <cstring>

namespace sessionctl::test {

namespace {

core::KernelView kernel(char state, const char* wait_channel, const char* stack = "") {
    core::KernelView view = {};
    view.state = state;
    std::strcpy(view.wait_channel, wait_channel);
    std::strcpy(view.stack, stack);
    return view;
}

std::string told(core::State state, const char* type, const char* event,
                 const core::KernelView* view = nullptr, bool has_wait_info = true) {
    return str(core::activity_text({state, milliseconds(14230), has_wait_info, type, event, view}));
}

} // namespace

TEST(RemainingSession, TellsStateAndWait) {
    EXPECT_EQ(told(core::State::active, nullptr, nullptr), "active for 14.2 s, no wait event");
    EXPECT_EQ(told(core::State::active, "IPC", "SyncRep"), "active for 14.2 s, waits: IPC/SyncRep");
    EXPECT_EQ(told(core::State::idle_in_transaction, "Client", "ClientRead"),
              "idle in transaction for 14.2 s, waits: Client/ClientRead");
    EXPECT_EQ(told(core::State::active, nullptr, nullptr, nullptr, false), "active for 14.2 s")
        << "a server that does not know";
    EXPECT_EQ(str(core::activity_text({core::State::disabled, -1, true, nullptr, nullptr, nullptr})),
              "disabled, no wait event")
        << "track_activities is off";
    EXPECT_EQ(str(core::activity_text({core::State::undefined, -1, false, nullptr, nullptr, nullptr})),
              "state not known");
}

TEST(RemainingSession, TellsWhatTheKernelTells) {
    const core::KernelView running = kernel('R', "0");
    EXPECT_EQ(told(core::State::active, nullptr, nullptr, &running),
              "active for 14.2 s, no wait event; kernel: R (running)");
    const core::KernelView asleep = kernel('D', "rpc_wait_bit_killable");
    EXPECT_EQ(told(core::State::active, nullptr, nullptr, &asleep),
              "active for 14.2 s, no wait event; kernel: D (uninterruptible: waits for a disk or a network "
              "file system) in rpc_wait_bit_killable");
    const core::KernelView odd = kernel('X', "");
    EXPECT_EQ(told(core::State::active, nullptr, nullptr, &odd),
              "active for 14.2 s, no wait event; kernel: X");
    const core::KernelView silent = kernel('\0', "");
    EXPECT_EQ(told(core::State::active, nullptr, nullptr, &silent), "active for 14.2 s, no wait event");
}

TEST(RemainingSession, TellsTheKernelsStackInOneLine) {
    const core::KernelView view = kernel('S', "hrtimer_nanosleep",
                                         "[<0>] hrtimer_nanosleep+0xb5/0x150\n"
                                         "[<0>] common_nsleep+0x40/0x50\n"
                                         "[<0>] entry_SYSCALL_64_after_hwframe+0x76/0x7e\n");
    EXPECT_EQ(told(core::State::active, nullptr, nullptr, &view),
              "active for 14.2 s, no wait event; kernel: S (sleeping) in hrtimer_nanosleep; kernel stack: "
              "hrtimer_nanosleep < common_nsleep < entry_SYSCALL_64_after_hwframe");
}

TEST(RemainingSession, AStackOfAnyFormIsTold) {
    for (const char* stack : {"\n", "\n\n\n", "+", " ", "[<0>] ", "x", "[<0>] f\n[<0>", " + \n"}) {
        const core::KernelView view = kernel('S', "", stack);
        told(core::State::active, nullptr, nullptr, &view);
    }
    std::string deep;
    for (int i = 0; i < 50; ++i)
        deep += "[<0>] f" + std::to_string(i) + "+0x0/0x0\n";
    const core::KernelView view = kernel('S', "", deep.c_str());
    EXPECT_EQ(
        told(core::State::active, nullptr, nullptr, &view),
        "active for 14.2 s, no wait event; kernel: S (sleeping); kernel stack: f0 < f1 < f2 < f3 < f4 < "
        "f5 < f6 < f7");
}

TEST(RemainingSession, TheCommandForARootShell) {
    EXPECT_EQ(str(core::root_command(4711, {"192.0.2.7", 41210, false, false})),
              "ss -K dst 192.0.2.7 dport = 41210");
    EXPECT_EQ(str(core::root_command(4711, {"2001:db8::1", 41210, false, false})),
              "ss -K dst '[2001:db8::1]' dport = 41210");
    EXPECT_EQ(str(core::root_command(4711, {"", -1, true, false})),
              "ss -xp | grep -w \"$(ss -xp | awk '/pid=4711,/ && $5 ~ /PGSQL/ {print $8}')\"");
    for (const core::Connection closed :
         {core::Connection{"192.0.2.7", 41210, false, true}, {"", -1, true, true}, {"", 0, false, false}})
        EXPECT_EQ(str(core::root_command(4711, closed)), "cat /proc/4711/stack; gdb --batch -p 4711 -ex bt");
}

} // namespace sessionctl::test
