// The result of a set-returning function, materialised: the same on every version.
#pragma once

#include "compat/postgres.hpp"
#include "pg/encoding.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/tuplestore.h"
}

namespace sessionctl::api {

/// Raises PostgreSQL errors: use inside pg::call.
class Rows {
  public:
    explicit Rows(FunctionCallInfo call);

    /// Errors: XX000 for another number of columns than the function is declared to return.
    void put(Datum* values, bool* nulls, int columns);

  private:
    Tuplestorestate* store_;
    TupleDesc description_;
};

/// Values of one row, set column by column from the left. Raises PostgreSQL errors.
template <int columns>
class Row {
  public:
    void add(Datum value) { values_[take_column()] = value; }
    void add_null() { nulls_[take_column()] = true; }
    template <typename Make>
    void add_if(bool present, Make&& make) {
        if (present)
            add(make());
        else
            add_null();
    }
    /// In any encoding: names come from shared catalogs, and texts of other sessions from shared memory.
    void add_text(const char* text) {
        add_if(text != nullptr, [text] { return CStringGetTextDatum(pg::readable(text)); });
    }
    void put_into(Rows& rows) { rows.put(values_, nulls_, next_); }

  private:
    int take_column() {
        if (next_ == columns)
            elog(ERROR, "a row has more than %d columns", columns);
        return next_++;
    }

    Datum values_[columns] = {};
    bool nulls_[columns] = {};
    int next_ = 0;
};

} // namespace sessionctl::api
