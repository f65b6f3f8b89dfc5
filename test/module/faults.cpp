// Deliberate faults: script/sanitize and script/valgrind first prove with them that they detect such faults.
#include "module.hpp"

#include <cstdlib>

namespace sessionctl::test {

namespace {

/// The compiler can't know its value.
volatile int one = 1;

void overflow_heap() {
    char* volatile allocated = new char[8]; // the compiler must not know its size
    volatile char* const eight = allocated;
    eight[7 + one] = 'x';
    delete[] allocated;
}

/// Not an overflow: PostgreSQL's flags define it.
void shift_too_far() {
    one = one << (31 + one);
}

void leak() {
    void* volatile lost = std::malloc(1000 + one);
    if (lost != nullptr)
        lost = nullptr;
}

} // namespace

// commit_fault(kind text)
SQL_FUNCTION(sessionctl_test_commit_fault)
{
    return pg::entry([&]() -> Datum {
        const std::string_view kind = text_argument(fcinfo, 0);
        if (kind == "heap overflow")
            overflow_heap();
        else if (kind == "shift")
            shift_too_far();
        else if (kind == "leak")
            leak();
        else
            refuse_word("fault", kind);
        PG_RETURN_VOID();
    });
}

} // namespace sessionctl::test
