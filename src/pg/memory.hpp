// Memory contexts for C++.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// A memory context of its own for a scope: current when it begins, and used by core's containers as long as
/// it lives, whichever context PostgreSQL makes current meanwhile (SPI does). It is deleted at the end;
/// errors (pg/error.hpp) never live in it.
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

/// While it lives, another memory context is current, and used by core's containers.
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
