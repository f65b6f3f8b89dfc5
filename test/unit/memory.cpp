#include "memory.hpp"

#include "core/memory.hpp"

#include <cstdlib>
#include <limits>

namespace sessionctl {

namespace {
std::size_t blocks = 0;
constexpr std::size_t plenty = std::numeric_limits<std::size_t>::max();
std::size_t left = plenty; // allocations
} // namespace

void* core::allocate(std::size_t bytes) {
    void* const memory = left == 0 ? nullptr : std::malloc(bytes);
    if (memory == nullptr)
        throw std::bad_alloc();
    left -= left != plenty;
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

test::MemoryExhausted::MemoryExhausted(std::size_t after) noexcept {
    left = after;
}
test::MemoryExhausted::~MemoryExhausted() {
    left = plenty;
}

} // namespace sessionctl
