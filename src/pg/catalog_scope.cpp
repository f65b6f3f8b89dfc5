#include "pg/catalog_scope.hpp"

#include "pg/error.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::pg {

CatalogScope::CatalogScope() {
    call([] {
        const MemoryContext memory = CurrentMemoryContext;
        StartTransactionCommand();
        MemoryContextSwitchTo(memory);
    });
}

void CatalogScope::leave() {
    call([] {
        const MemoryContext memory = CurrentMemoryContext;
        CommitTransactionCommand();
        MemoryContextSwitchTo(memory);
    });
}

void abort_transaction() {
    call([] {
        const MemoryContext memory = CurrentMemoryContext;
        AbortCurrentTransaction();
        MemoryContextSwitchTo(memory);
    });
}

} // namespace sessionctl::pg
