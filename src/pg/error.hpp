// The boundary between C++ and PostgreSQL. A C++ exception must not cross C frames, and ereport's longjmp
// must not cross a frame with destructors. So every call from C++ into PostgreSQL goes through pg::call, and
// every call from PostgreSQL into C++ through pg::entry, or through pg::callback where an error can't be
// reported.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// An ERROR that PostgreSQL raised inside pg::call, complete. The ErrorData lives in the memory context in
/// which the innermost pg::entry (or ErrorMemory) began, so it can be thrown out of any scope inside.
class PgError : public std::exception {
  public:
    explicit PgError(ErrorData* data) noexcept : data_(data) {}
    ErrorData* data() const noexcept { return data_; }
    bool is_cancel() const noexcept { return data_->sqlerrcode == ERRCODE_QUERY_CANCELED; }
    const char* what() const noexcept override {
        return data_->message ? data_->message : "missing error text";
    }

  private:
    ErrorData* data_;
};

namespace detail {

/// PostgreSQL's error state around one pg::call: saved before, restored after.
class Guard {
  public:
    Guard() noexcept;
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    void arm() noexcept;
    void disarm() noexcept;
    /// disarm() for a body that threw a C++ exception, in any memory context.
    void abandon() noexcept;
    /// After PostgreSQL's longjmp: restores everything and throws PgError (or bad_alloc if even that fails).
    [[noreturn]] void fail();

    sigjmp_buf landing;

  private:
    sigjmp_buf* outer_landing_;
    ErrorContextCallback* outer_context_;
    MemoryContext memory_;
    uint32 interrupt_holdoff_;
    uint32 cancel_holdoff_;
};

/// The error that pg::entry has to report, in memory that needs no destructor.
class Failure {
  public:
    /// Call it inside a catch block: copies the current exception.
    void capture() noexcept;
    /// Call it outside, with every object destroyed: reports to PostgreSQL.
    [[noreturn]] void raise();

  private:
    void set(const char* sqlstate, const char* message) noexcept;

    ErrorData* error_;
    const char* text_;
    int position_;
    char sqlstate_[6];
    char message_[1024];
    char detail_[1024];
    char hint_[1024];
};

} // namespace detail

/// As long as it lives, errors are copied into the memory context that was current when it began:
/// pg::entry's, unless one of those who catch them has a shorter-lived one.
class ErrorMemory {
  public:
    ErrorMemory() noexcept;
    ~ErrorMemory();
    ErrorMemory(const ErrorMemory&) = delete;
    ErrorMemory& operator=(const ErrorMemory&) = delete;

  private:
    MemoryContext outer_;
};

/// Runs PostgreSQL code and converts its ERROR to a PgError. Neither the body nor its result may have a
/// destructor, since PostgreSQL jumps out of the body.
template <typename Body>
auto call(Body&& body) -> std::invoke_result_t<Body&> {
    using Result = std::invoke_result_t<Body&>;
    static_assert(std::is_trivially_destructible_v<std::decay_t<Body>>, "PostgreSQL jumps over destructors");
    static_assert(std::is_void_v<Result> || std::is_trivially_destructible_v<Result>);

    detail::Guard guard;
    if (sigsetjmp(guard.landing, 0) != 0)
        guard.fail();
    guard.arm();
    try {
        if constexpr (std::is_void_v<Result>) {
            body();
            guard.disarm();
        } else {
            Result result = body();
            guard.disarm();
            return result;
        }
    } catch (...) {
        guard.abandon();
        throw;
    }
}

/// Runs C++ code that PostgreSQL called, and converts its exceptions to an ERROR: PgError unchanged,
/// core::Error as written, bad_alloc 53200, any other XX000. Reports only outside of the handler, with every
/// object destroyed.
template <typename Body>
auto entry(Body&& body) -> std::invoke_result_t<Body&> {
    static_assert(std::is_trivially_destructible_v<std::decay_t<Body>>);
    detail::Failure failure;
    try {
        const ErrorMemory memory;
        return body();
    } catch (...) {
        failure.capture();
    }
    failure.raise();
}

/// For callbacks in which an error would be a PANIC or meet a half-shut-down process (commit, exit, timers):
/// discards C++ exceptions and returns whether there was none. The body must not raise a PostgreSQL ERROR.
template <typename Body>
bool callback(Body&& body) noexcept {
    try {
        body();
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace sessionctl::pg

/// Defines a function that SQL calls. Never inlined: the JIT would otherwise copy C++ exception tables.
#define SQL_FUNCTION(name)                                                                                   \
    extern "C" {                                                                                             \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                                \
    PG_FUNCTION_INFO_V1(name);                                                                               \
    }                                                                                                        \
    [[gnu::noinline]] Datum name(PG_FUNCTION_ARGS)
