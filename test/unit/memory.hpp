// The core's memory in the tests: malloc, counted, and on request exhausted.
#pragma once

#include <cstddef>

namespace sessionctl::test {

/// Blocks that were allocated and not given back.
std::size_t live_blocks() noexcept;

/// While it lives, every allocation of the core after so many throws std::bad_alloc.
class MemoryExhausted {
  public:
    explicit MemoryExhausted(std::size_t after = 0) noexcept;
    ~MemoryExhausted();
    MemoryExhausted(const MemoryExhausted&) = delete;
    MemoryExhausted& operator=(const MemoryExhausted&) = delete;
};

} // namespace sessionctl::test
