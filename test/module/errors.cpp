// Errors that pass through C++, of every kind.
#include "module.hpp"

#include "core/memory.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/resowner.h"
}

namespace sessionctl::test {

namespace {

extern "C" void sessionctl_test_context(void* text) {
    errcontext("%s", static_cast<const char*>(text));
}

/// As in PostgreSQL's own code, an error leaves the context callback on the stack: the guard has to remove
/// it.
void raise_all_fields() {
    static char context[] = "the context";
    ErrorContextCallback callback;
    callback.previous = error_context_stack;
    callback.callback = sessionctl_test_context;
    callback.arg = context;
    error_context_stack = &callback;
    ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION), errmsg("the message"), errdetail("the detail"),
                    errdetail_log("for the log only"), errhint("the hint"),
                    err_generic_string(PG_DIAG_SCHEMA_NAME, "the schema"),
                    err_generic_string(PG_DIAG_TABLE_NAME, "the table"),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "the column"),
                    err_generic_string(PG_DIAG_DATATYPE_NAME, "the type"),
                    err_generic_string(PG_DIAG_CONSTRAINT_NAME, "the constraint")));
}

[[noreturn]] void exhaust_memory() {
    core::vector<char> all;
    all.reserve(std::numeric_limits<std::size_t>::max() / 8);
    refuse_word("world with so much memory", "");
}

[[noreturn]] void raise(std::string_view kind) {
    if (kind == "postgres")
        raise_in_postgres();
    if (kind == "core")
        throw core::Error("22023", "the %s", "message").detail("the %s", "detail").hint("the %s", "hint");
    if (kind == "position")
        throw core::Error("42601", "the message").at("one two three", 5);
    if (kind == "memory")
        exhaust_memory();
    if (kind == "standard")
        throw std::runtime_error("the message");
    if (kind == "unknown")
        throw 42;
    refuse_word("kind of error", kind);
}

/// PostgreSQL jumps out of ErrorContext: the handler has to find the memory context that was current before.
[[noreturn]] void raise_in_same_memory(std::string_view kind) {
    const MemoryContext memory = CurrentMemoryContext;
    try {
        raise(kind);
    } catch (...) {
        if (CurrentMemoryContext != memory)
            throw std::logic_error("another memory context is current");
        throw;
    }
}

/// The blocks of scratch memory that is gone are reused and overwritten by the next one.
void overwrite_freed_memory() {
    const pg::ScratchMemory scratch;
    const core::vector<core::string> junk(100, core::string(100, '#'));
}

void call_in_call() {
    const Witness outer;
    pg::call([] {
        // PostgreSQL code that calls back into C++, as a walker or a hook does.
        const auto inside = [] {
            const Witness inner;
            raise_in_postgres();
        };
        inside();
    });
}

void run_nested(int depth) {
    const Witness witness;
    if (depth == 0)
        raise_in_postgres();
    pg::call([depth] {
        StringInfoData query;
        initStringInfo(&query);
        appendStringInfo(&query, "select sessionctl_test.nest(%d)", depth - 1);
        SPI_connect();
        SPI_execute(query.data, false, 0);
        SPI_finish();
    });
}

class Subtransaction {
  public:
    Subtransaction() : memory_(CurrentMemoryContext), owner_(CurrentResourceOwner) {
        pg::call([] { BeginInternalSubTransaction(nullptr); });
        MemoryContextSwitchTo(memory_);
    }
    void roll_back() {
        pg::call([] { RollbackAndReleaseCurrentSubTransaction(); });
        MemoryContextSwitchTo(memory_);
        CurrentResourceOwner = owner_;
    }

  private:
    const MemoryContext memory_;
    const ResourceOwner owner_;
};

/// The error is caught in C++: its handler aborts a subtransaction and frees the copy.
int survive_errors(int count) {
    int survived = 0;
    for (int i = 0; i < count; ++i) {
        Subtransaction subtransaction;
        try {
            raise_in_postgres();
        } catch (const pg::PgError& error) {
            subtransaction.roll_back();
            if (std::string_view(error.what()) == "the message")
                ++survived;
            pg::call([&error] { FreeErrorData(error.data()); });
        }
    }
    return survived;
}

} // namespace

void raise_in_postgres() {
    pg::call([] { raise_all_fields(); });
    refuse_word("return from", "ereport");
}

// raise(kind text): an error of that kind, with objects and scratch memory to clean up.
SQL_FUNCTION(sessionctl_test_raise)
{
    return pg::entry([&]() -> Datum {
        const std::string_view kind = text_argument(fcinfo, 0);
        const Witness outer;
        try {
            const pg::ScratchMemory scratch;
            const core::string ballast(10 * 1000, 'x');
            const Witness inner;
            raise_in_same_memory(kind);
        } catch (...) {
            overwrite_freed_memory();
            throw;
        }
    });
}

// call_in_call(): the error of a pg::call inside another one.
SQL_FUNCTION(sessionctl_test_call_in_call)
{
    return pg::entry([&]() -> Datum {
        call_in_call();
        PG_RETURN_VOID();
    });
}

// nest(depth integer): calls itself through SQL that often, and fails at the bottom.
SQL_FUNCTION(sessionctl_test_nest)
{
    return pg::entry([&]() -> Datum {
        run_nested(PG_GETARG_INT32(0));
        PG_RETURN_VOID();
    });
}

// raise_in_catch(): a second error while the first one is handled.
SQL_FUNCTION(sessionctl_test_raise_in_catch)
{
    return pg::entry([&]() -> Datum {
        try {
            raise_in_postgres();
        } catch (const pg::PgError& first) {
            const Witness witness;
            pg::call([&first] { ereport(ERROR, (errmsg("after \"%s\"", first.what()))); });
        }
        PG_RETURN_VOID();
    });
}

// survive(errors integer): catches that many, each in a subtransaction; returns how many were complete.
SQL_FUNCTION(sessionctl_test_survive)
{
    return pg::entry([&]() -> Datum { PG_RETURN_INT32(survive_errors(PG_GETARG_INT32(0))); });
}

// destroyed(): how many witnesses have been destroyed since it was last asked.
SQL_FUNCTION(sessionctl_test_destroyed)
{
    return pg::entry([&]() -> Datum { PG_RETURN_INT32(std::exchange(Witness::destroyed, 0)); });
}

} // namespace sessionctl::test
