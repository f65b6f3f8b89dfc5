// Shared state that must be released however a session ends.
#include "module.hpp"

#include "pg/exit_guard.hpp"

namespace sessionctl::test {

namespace {

class Claim {
  public:
    explicit Claim(int number) : number_(number), guard_(undo, this) { ++shared().held; }
    ~Claim() { --shared().held; }

  private:
    static void undo(void* claim) noexcept {
        Shared& state = shared();
        --state.held;
        ++state.undone;
        state.order = state.order * 10 + static_cast<Claim*>(claim)->number_;
    }

    const int number_;
    const pg::ExitGuard guard_;
};

void wait_for_a_signal() {
    pg::call([] { DirectFunctionCall1(pg_sleep, Float8GetDatum(600)); });
}

void leave(std::string_view how) {
    if (how == "fatal")
        pg::call([] { ereport(FATAL, (errmsg("the end"))); });
    else if (how == "wait")
        wait_for_a_signal();
    else if (how == "error")
        raise_in_postgres();
    else if (how == "exception")
        throw std::runtime_error("the message");
    else if (how != "return")
        refuse_word("way to leave", how);
}

} // namespace

// claim(how text): claims the shared state twice, number 2 inside number 1, then leaves in that way.
SQL_FUNCTION(sessionctl_test_claim)
{
    return pg::entry([&]() -> Datum {
        const std::string_view how = text_argument(fcinfo, 0);
        const Claim outer(1);
        const Claim inner(2);
        leave(how);
        PG_RETURN_VOID();
    });
}

// claims(): 'held … undone … order …' since it was last asked.
SQL_FUNCTION(sessionctl_test_claims)
{
    return pg::entry([&]() -> Datum {
        Shared& state = shared();
        char text[64];
        std::snprintf(text, sizeof text, "held %d undone %d order %d", state.held.load(),
                      state.undone.exchange(0), state.order.exchange(0));
        return text_result(text);
    });
}

} // namespace sessionctl::test
