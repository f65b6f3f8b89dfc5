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

/// It goes on outside of any transaction.
void abort_transaction();

/// Runs the body in a transaction, which is rolled back if an exception leaves it. Its results outlive it:
/// the memory context stays the same.
template <typename Body>
void in_transaction(Body&& body) {
    CatalogScope transaction;
    try {
        body();
        transaction.leave();
    } catch (...) {
        abort_transaction();
        throw;
    }
}

} // namespace sessionctl::pg
