#include "pg/memory.hpp"

#include "core/memory.hpp"
#include "pg/error.hpp"

namespace sessionctl {

namespace {
MemoryContext home = nullptr;
}

void* core::allocate(std::size_t bytes) {
    void* const memory = compat::allocate_or_null(home != nullptr ? home : CurrentMemoryContext, bytes);
    if (memory == nullptr)
        throw std::bad_alloc();
    return memory;
}

void core::deallocate(void* memory) noexcept {
    pfree(memory);
}

namespace pg {

// A child of TopMemoryContext: exit callbacks need it after other callbacks have aborted the transaction.
ScratchMemory::ScratchMemory()
    : outer_(CurrentMemoryContext), outer_home_(home),
      own_(call([] { return compat::create_context(TopMemoryContext, "pg_sessionctl"); })) {
    MemoryContextSwitchTo(own_);
    home = own_;
}

ScratchMemory::~ScratchMemory() {
    home = outer_home_;
    MemoryContextSwitchTo(outer_);
    MemoryContextDelete(own_);
}

MemoryScope::MemoryScope(MemoryContext context) noexcept
    : outer_(MemoryContextSwitchTo(context)), outer_home_(home) {
    home = context;
}

MemoryScope::~MemoryScope() {
    home = outer_home_;
    MemoryContextSwitchTo(outer_);
}

} // namespace pg

} // namespace sessionctl
