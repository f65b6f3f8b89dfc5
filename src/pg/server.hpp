// The real server behind the engine's interface.
#pragma once

#include "core/engine.hpp"
#include "pg/signals.hpp"

namespace sessionctl::pg {

class LiveServer final : public core::Server {
  public:
    bool hold(std::int32_t pid) override;
    core::Delivery send(core::Action action) override;
    void release() noexcept override;
    core::Sight look(const core::Session& session) override;
    bool awaits_standby(const core::Session& session) override;
    core::Timestamp now() override;
    void sleep(core::Timestamp microseconds) override;

  private:
    Signaller signaller_;
};

/// Microseconds until statement_timeout (or transaction_timeout) would end the running statement, less a
/// margin to report the result in; the largest number where no such timeout runs.
core::Timestamp time_left_for_statement();

} // namespace sessionctl::pg
