// Memory contexts for C++.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// A memory context of its own for the length of a scope: current when it begins, and the home of the core's
/// containers for as long as it lives, whatever context PostgreSQL makes current meanwhile (SPI does). What
/// is allocated inside is gone afterwards; errors (pg/error.hpp) never live in it.
class ScratchMemory {
  public:
    ScratchMemory();
    ~ScratchMemory();
    ScratchMemory(const ScratchMemory&) = delete;
    ScratchMemory& operator=(const ScratchMemory&) = delete;

  private:
    MemoryContext outer_;
    MemoryContext outer_home_;
    MemoryContext own_;
};

/// Another memory context is current, and the home of the core's containers, while it lives.
class MemoryScope {
  public:
    explicit MemoryScope(MemoryContext context) noexcept;
    ~MemoryScope();
    MemoryScope(const MemoryScope&) = delete;
    MemoryScope& operator=(const MemoryScope&) = delete;

  private:
    MemoryContext outer_;
    MemoryContext outer_home_;
};

} // namespace sessionctl::pg
