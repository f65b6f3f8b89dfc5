// The entry of every function that SQL calls.
#pragma once

#include "pg/error.hpp"
#include "pg/extension.hpp"

namespace sessionctl::api {

/// pg::entry for the functions of our own SQL script: before anything reads an argument, script and library
/// must be of one version.
template <typename Body>
Datum serve(Body&& body) {
    return pg::entry([&]() -> Datum {
        pg::require_matching_script();
        return body();
    });
}

} // namespace sessionctl::api
