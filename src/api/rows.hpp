// The result of a set-returning function, materialised: the same on every version.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/tuplestore.h"
}

namespace sessionctl::api {

/// Raises PostgreSQL errors: use inside pg::call.
class Rows {
  public:
    explicit Rows(FunctionCallInfo call);

    void put(Datum* values, bool* nulls);

  private:
    Tuplestorestate* store_;
    TupleDesc description_;
};

/// Values of one row, set column by column from the left.
template <int columns>
class Row {
  public:
    void add(Datum value) noexcept { values_[next_++] = value; }
    void add_null() noexcept { nulls_[next_++] = true; }
    template <typename Make>
    void add_if(bool present, Make&& make) {
        if (present)
            add(make());
        else
            add_null();
    }
    void add_text(const char* text) {
        add_if(text != nullptr, [text] { return CStringGetTextDatum(text); });
    }
    void put_into(Rows& rows) {
        Assert(next_ == columns);
        rows.put(values_, nulls_);
    }

  private:
    Datum values_[columns] = {};
    bool nulls_[columns] = {};
    int next_ = 0;
};

} // namespace sessionctl::api
