// Catalog access for a background worker.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// A transaction, which reading names and rights from the catalogs needs.
class CatalogScope {
  public:
    CatalogScope();
    CatalogScope(const CatalogScope&) = delete;
    CatalogScope& operator=(const CatalogScope&) = delete;

    void leave();
};

} // namespace sessionctl::pg
