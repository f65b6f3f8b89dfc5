// Runs our own SQL: names are looked up in pg_catalog alone, no lock is waited for longer than a second, and
// no plan starts workers or JIT, whatever the database's settings: locks may be held meanwhile.
#pragma once

#include "core/memory.hpp"
#include "pg/error.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace sessionctl::pg {

enum class As : bool { caller, superuser };

/// Another role's rights until they are given back; an error gives them back at once.
class ActAs {
  public:
    explicit ActAs(As as) noexcept;
    ~ActAs();
    ActAs(const ActAs&) = delete;
    ActAs& operator=(const ActAs&) = delete;

  private:
    Oid user_;
    int context_;
};

/// Runs one statement. As caller PostgreSQL checks the caller's rights; use superuser only after they have
/// been checked. Errors: the statement's own; 55P03 instead of core's errors if two sessions change the same
/// row at once.
void run_sql(const char* statement, As as = As::caller);

/// Locks a shared object until the transaction ends. Errors: 55P03; `conflict` replaces its message.
void lock_object(Oid catalog, Oid object, int mode, const char* conflict = nullptr);

/// The first column of its only row as text, in the current memory context; null for NULL or no row.
const char* query_sql(const char* statement);
/// The first column of all its rows, without NULLs.
core::vector<const char*> query_column(const char* statement);

/// A value for $1, $2 ...
struct Parameter {
    Oid type;
    Datum value;
    bool is_null = false;
};
/// The same with parameters; the number of rows. `conflict` is the message of 55P03.
std::int64_t run_sql(const char* statement, const core::vector<Parameter>& parameters, As as,
                     const char* conflict);

constexpr int catalog_lock_timeout = 1000; // ms

/// The settings of such statements, until its end; an exception ends it as well.
class OwnStatement {
  public:
    explicit OwnStatement(int lock_timeout_ms = catalog_lock_timeout);
    void end();

  private:
    int level_;
};

/// Parameters as SPI takes them.
struct SpiParameters {
    explicit SpiParameters(const core::vector<Parameter>& parameters);

    core::vector<Oid> types;
    core::vector<Datum> values;
    core::string nulls;
};

/// Runs one statement that changes nothing. `each(rows, row)` is called for every row in SPI's memory
/// context, which is deleted afterwards.
template <typename Each>
void query_rows(const char* statement, const core::vector<Parameter>& parameters, Each&& each) {
    SpiParameters spi(parameters);
    OwnStatement own;
    call([&] {
        if (SPI_connect() != SPI_OK_CONNECT)
            elog(ERROR, "SPI_connect failed");
        const int result =
            SPI_execute_with_args(statement, static_cast<int>(spi.types.size()), spi.types.data(),
                                  spi.values.data(), spi.nulls.c_str(), true, 0);
        if (result != SPI_OK_SELECT)
            elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
        for (uint64 row = 0; row < SPI_processed; ++row)
            each(*SPI_tuptable, row);
        SPI_finish();
    });
    own.end();
}

} // namespace sessionctl::pg
