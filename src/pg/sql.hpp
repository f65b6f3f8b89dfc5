// SQL of our own, beside the caller's: names are looked up in pg_catalog alone, no lock is waited for longer
// than a second, and no plan starts processes or compiles, whatever the owner of the caller's database has
// set: a lock may be held meanwhile.
#pragma once

#include "core/memory.hpp"
#include "pg/error.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace sessionctl::pg {

enum class As : bool { caller, superuser };

/// Runs one statement. With the caller's rights PostgreSQL checks them as for his own statement; as superuser
/// only where the caller's rights have been checked. Errors: the statement's own; 55P03 in the place of what
/// two sessions that change the same row at once get otherwise.
void run_sql(const char* statement, As as = As::caller);

/// Locks a shared object until the transaction ends. Errors: 55P03, the same unless `conflict` words it.
void lock_object(Oid catalog, Oid object, int mode, const char* conflict = nullptr);

/// The first column of its only row as text, in the memory that is current; null for NULL or no row.
const char* query_sql(const char* statement);
/// The first column of all its rows, of those that are not NULL.
core::vector<const char*> query_column(const char* statement);

constexpr int catalog_patience = 1000; // ms

/// The settings of such statements, until its end. What is thrown ends it as well.
class OwnStatement {
  public:
    explicit OwnStatement(int lock_patience = catalog_patience);
    void end();

  private:
    int level_;
};

struct Parameter {
    Oid type;
    Datum value;
};

/// One statement that changes nothing. `each(rows, row)` sees every row in turn; SPI's memory is current, and
/// gone afterwards.
template <typename Each>
void query_rows(const char* statement, const core::vector<Parameter>& parameters, Each&& each) {
    core::vector<Oid> types;
    core::vector<Datum> values;
    for (const Parameter& parameter : parameters) {
        types.push_back(parameter.type);
        values.push_back(parameter.value);
    }
    OwnStatement own;
    call([&] {
        if (SPI_connect() != SPI_OK_CONNECT)
            elog(ERROR, "SPI_connect failed");
        const int result = SPI_execute_with_args(statement, static_cast<int>(types.size()), types.data(),
                                                 values.data(), nullptr, true, 0);
        if (result != SPI_OK_SELECT)
            elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
        for (uint64 row = 0; row < SPI_processed; ++row)
            each(*SPI_tuptable, row);
        SPI_finish();
    });
    own.end();
}

} // namespace sessionctl::pg
