// What the parts of the test module share.
#pragma once

#include "core/error.hpp"
#include "pg/error.hpp"

#include <atomic>

namespace sessionctl::test {

/// State that outlives the session that wrote it. In shared memory, zero at the start.
struct Shared {
    std::atomic<int> held;      // claims made and not released
    std::atomic<int> undone;    // claims that an ExitGuard released
    std::atomic<int> order;     // their numbers, as digits, in the order in which that happened
    std::atomic<int> swallowed; // C++ exceptions that pg::callback discarded
};

/// Found by its name, or created by the first session that calls it.
Shared& shared();

/// In the caller's memory context.
std::string_view text_argument(FunctionCallInfo fcinfo, int number);
Datum text_result(const char* text);

/// Counts the objects whose destructor ran in this session.
class Witness {
  public:
    Witness() = default;
    ~Witness() { ++destroyed; }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    static inline int destroyed = 0;
};

/// An ERROR of PostgreSQL, with all fields that a client sees, from inside pg::call.
[[noreturn]] void raise_in_postgres();

[[noreturn]] void refuse_word(const char* what, std::string_view word);

} // namespace sessionctl::test
