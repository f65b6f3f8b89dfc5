#include "pg/sql.hpp"

#include "core/error.hpp"
#include "pg/locks/prepared_in_way.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
}

namespace sessionctl::pg {

namespace {

/// Another session has changed the row since, or is about to.
bool is_conflict(const ErrorData& error) noexcept {
    return error.sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
           (error.sqlerrcode == ERRCODE_INTERNAL_ERROR && error.message != nullptr &&
            std::strstr(error.message, "concurrently") != nullptr);
}

std::int64_t run(const char* statement, SpiParameters& spi) {
    return call([&, statement] {
        if (SPI_connect() != SPI_OK_CONNECT)
            elog(ERROR, "SPI_connect failed");
        const int result =
            SPI_execute_with_args(statement, static_cast<int>(spi.types.size()), spi.types.data(),
                                  spi.values.data(), spi.nulls.c_str(), false, 0);
        if (result < 0)
            elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
        const auto rows = static_cast<std::int64_t>(SPI_processed);
        SPI_finish();
        return rows;
    });
}

} // namespace

SpiParameters::SpiParameters(const core::vector<Parameter>& parameters) {
    for (const Parameter& parameter : parameters) {
        types.push_back(parameter.type);
        values.push_back(parameter.value);
        nulls.push_back(parameter.is_null ? 'n' : ' ');
    }
}

ActAs::ActAs(As as) noexcept {
    GetUserIdAndSecContext(&user_, &context_);
    if (as == As::superuser)
        SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context_ | SECURITY_LOCAL_USERID_CHANGE);
}

ActAs::~ActAs() {
    SetUserIdAndSecContext(user_, context_);
}

OwnStatement::OwnStatement(int lock_timeout_ms) {
    level_ = call([lock_timeout_ms] {
        char value[16];
        std::snprintf(value, sizeof value, "%d", lock_timeout_ms);
        const int level = NewGUCNestLevel();
        compat::set_parameter_locally("lock_timeout", value);
        compat::set_parameter_locally("search_path", "pg_catalog, pg_temp");
        compat::set_known_parameter_locally("max_parallel_workers_per_gather", "0"); // 9.6
        compat::set_known_parameter_locally("jit", "off");                           // 11
        return level;
    });
}

void OwnStatement::end() {
    call([this] { AtEOXact_GUC(true, level_); });
}

namespace {

constexpr char same_row[] = "another session is changing the same database or role";

/// In a subtransaction, so that the hint can look for the other session after a failure.
template <typename Work, typename Hint>
void reporting_conflict(const char* conflict, Work&& work, Hint&& hint) {
    try {
        in_subtransaction([&work] {
            OwnStatement own;
            work();
            own.end();
        });
        return;
    } catch (const PgError& error) {
        if (!is_conflict(*error.data()))
            throw;
    }
    throw core::Error(core::sqlstate::lock_not_available, "%s", conflict)
        .hint("Try again when its transaction has ended.%s", hint().c_str());
}

} // namespace

void run_sql(const char* statement, As as) {
    run_sql(statement, {}, as, same_row);
}

std::int64_t run_sql(const char* statement, const core::vector<Parameter>& parameters, As as,
                     const char* conflict) {
    SpiParameters spi(parameters);
    std::int64_t rows = 0;
    reporting_conflict(
        conflict,
        [&] {
            const ActAs role(as);
            rows = run(statement, spi);
        },
        hint_for_prepared_changes);
    return rows;
}

void lock_object(Oid catalog, Oid object, int mode, const char* conflict) {
    reporting_conflict(
        conflict != nullptr ? conflict : same_row,
        [=] { call([=] { LockSharedObject(catalog, object, 0, mode); }); },
        [=] { return hint_for_prepared_on(catalog, object, mode); });
}

core::vector<const char*> query_column(const char* statement) {
    core::vector<const char*> values;
    const MemoryContext memory = CurrentMemoryContext;
    query_rows(statement, {}, [&](const SPITupleTable& rows, uint64 row) {
        if (const char* const value = SPI_getvalue(rows.vals[row], rows.tupdesc, 1))
            values.push_back(MemoryContextStrdup(memory, value));
    });
    return values;
}

const char* query_sql(const char* statement) {
    const core::vector<const char*> values = query_column(statement);
    return values.empty() ? nullptr : values.front();
}

} // namespace sessionctl::pg
