// All limits at once, on random traffic.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

/// Sessions that begin, pause, go on and commit at random, under a wall clock that jumps at random.
class RandomTraffic : public LimitMonitor {
  protected:
    static constexpr Timestamp limit = 10 * core::microseconds_per_second;

    RandomTraffic() {
        for (int slot = 0; slot < slots; ++slot)
            connect(Limit::idle_in_transaction, 10000);
    }

    bool chance(unsigned in) { return random() % in == 0; }

    void act() {
        const auto slot = random() % slots;
        SessionSample& sample = samples[slot];
        if (chance(4)) {
            run(sample);
        } else if (chance(4)) {
            commit(sample);
        } else {
            idle_in_transaction(sample);
            idle_since[slot] = now;
        }
    }

    /// Ends the sessions that violate; what the monitor returns has to be what the test knows.
    void look_and_compare() {
        monitor.begin(now, wall());
        for (std::size_t slot = 0; slot < slots; ++slot) {
            SessionSample& sample = samples[slot];
            const bool is_due =
                is_idle_in_transaction(sample.session.state) && now - idle_since[slot] >= limit;
            const auto found = monitor.check(sample, facts);
            ASSERT_EQ(found.has_value(), is_due) << "slot " << slot;
            if (!found)
                continue;
            ASSERT_EQ(found->lasted, limit);
            ++ended;
            monitor.signalled(sample.session);
            replace(sample);
            commit(sample);
        }
    }

    Timestamp idle_since[slots] = {}; // on the monotonic clock
    int ended = 0;
    std::mt19937 random{20250104};
};

} // namespace

TEST_F(RandomTraffic, EndsNobodyEarlyAndNobodyLate) {
    for (int i = 0; i < 20000; ++i) {
        ASSERT_NO_FATAL_FAILURE(look_and_compare()) << "look " << i;
        // The next look is at the deadline, or before it, when something woke the reaper.
        Timestamp time = std::min(left(), limit);
        ASSERT_GT(time, 0);
        if (chance(2))
            time = 1 + static_cast<Timestamp>(random()) % time;
        pass(time / 2);
        if (chance(4))
            act();
        if (chance(10))
            set_wall_clock(chance(2) ? hour : -hour);
        pass(time / 4);
        if (chance(4))
            act();
        pass(time - time / 2 - time / 4);
    }
    EXPECT_GT(ended, 500);
}

} // namespace sessionctl::test
