// A worker's way to the catalogs.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Names and rights are in the catalogs, which only a transaction reads.
class CatalogScope {
  public:
    CatalogScope();
    CatalogScope(const CatalogScope&) = delete;
    CatalogScope& operator=(const CatalogScope&) = delete;

    void leave();
};

} // namespace sessionctl::pg
