// The one row shape of preview_where and of everything that ends in _report.
#pragma once

#include "api/run.hpp"

namespace sessionctl::api {

/// One row a matched session.
Datum put_report(const Result& result, FunctionCallInfo call);

} // namespace sessionctl::api
