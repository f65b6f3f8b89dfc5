// Runs code that may fail without aborting the transaction.
#pragma once

#include "pg/error.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace sessionctl::pg {

/// Runs the body in a subtransaction, which is rolled back if an exception leaves it: after catching it, SQL
/// can go on.
template <typename Body>
auto in_subtransaction(Body&& body) -> std::invoke_result_t<Body&> {
    const MemoryContext memory = CurrentMemoryContext;
    const ResourceOwner owner = CurrentResourceOwner;
    const auto come_back = [memory, owner] {
        MemoryContextSwitchTo(memory);
        CurrentResourceOwner = owner;
    };
    // The body uses the surrounding memory context: its results outlive the subtransaction.
    call([=] {
        BeginInternalSubTransaction(nullptr);
        MemoryContextSwitchTo(memory);
    });
    const auto commit = [&come_back] {
        call([&come_back] {
            ReleaseCurrentSubTransaction();
            come_back();
        });
    };
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Body&>>) {
            body();
            commit();
        } else {
            auto result = body();
            commit();
            return result;
        }
    } catch (...) {
        call([&come_back] {
            RollbackAndReleaseCurrentSubTransaction();
            come_back();
        });
        throw;
    }
}

} // namespace sessionctl::pg
