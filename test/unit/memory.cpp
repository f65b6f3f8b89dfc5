#include "memory.hpp"

#include "core/memory.hpp"

#include <cstdlib>

namespace sessionctl {

namespace {
std::size_t blocks = 0;
bool exhausted = false;
} // namespace

void* core::allocate(std::size_t bytes) {
    void* const memory = exhausted ? nullptr : std::malloc(bytes);
    if (memory == nullptr)
        throw std::bad_alloc();
    ++blocks;
    return memory;
}

void core::deallocate(void* memory) noexcept {
    --blocks;
    std::free(memory);
}

std::size_t test::live_blocks() noexcept {
    return blocks;
}

test::MemoryExhausted::MemoryExhausted() noexcept {
    exhausted = true;
}
test::MemoryExhausted::~MemoryExhausted() {
    exhausted = false;
}

} // namespace sessionctl
