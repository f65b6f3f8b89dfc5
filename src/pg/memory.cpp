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

ScratchMemory::ScratchMemory()
    : outer_(CurrentMemoryContext), outer_home_(home),
      own_(call([this] { return compat::create_context(outer_, "pg_sessionctl"); })) {
    MemoryContextSwitchTo(own_);
    home = own_;
}

ScratchMemory::~ScratchMemory() {
    home = outer_home_;
    MemoryContextSwitchTo(outer_);
    MemoryContextDelete(own_);
}

} // namespace pg

} // namespace sessionctl
