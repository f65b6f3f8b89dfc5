// After the gate is closed: ends the logins that went through it just before.
#pragma once

#include "pg/logins/server_sweep.hpp"

#include <atomic>

namespace sessionctl::pg {

/// A login between the gate and the session table has a pass, and a moment later a role in the process array.
class GateSweep final : public ServerSweep {
  public:
    GateSweep(const GateState& state, const char* reason) noexcept : ServerSweep(state, reason) {}

  private:
    int look() override;
    bool is_still(std::int32_t pid) override;

    const std::atomic<std::int32_t>* pass_ = nullptr; // of the login that is about to be ended
};

} // namespace sessionctl::pg
