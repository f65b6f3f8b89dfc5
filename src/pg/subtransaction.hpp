// What may fail without the transaction failing with it.
#pragma once

#include "pg/error.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace sessionctl::pg {

/// The body in a subtransaction, undone where an exception leaves it: who catches that may go on with SQL.
template <typename Body>
auto in_subtransaction(Body&& body) -> std::invoke_result_t<Body&> {
    const MemoryContext memory = CurrentMemoryContext;
    const ResourceOwner owner = CurrentResourceOwner;
    const auto come_back = [memory, owner] {
        MemoryContextSwitchTo(memory);
        CurrentResourceOwner = owner;
    };
    // The body works in the memory of its surroundings: its results outlive it.
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
