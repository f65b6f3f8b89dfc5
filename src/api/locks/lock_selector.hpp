// What the functions that act on sessions by their locks have in common.
#pragma once

#include "api/arguments.hpp"
#include "api/serve.hpp"
#include "api/sessions/run.hpp"
#include "pg/locks/prepared_transactions.hpp"
#include "pg/memory.hpp"

namespace sessionctl::api {

/// Selects sessions by their locks, after the roster was read. Most locks are released at the end of the
/// transaction, session-level advisory locks are not: a session that has begun another transaction since then
/// is checked again before the signal.
class LockSelector : public SessionSelector {
  public:
    void find(const pg::Roster& roster) final;

    bool still_selects(const core::Session& session, const pg::Roster& roster) final;

    /// Reads what all recipes share after their own arguments (W, G) and runs. Needs a scratch memory around
    /// it and the selector.
    Datum run(Arguments& arguments, core::Action action, core::Recheck recheck);

  protected:
    ~LockSelector() = default;
    /// Called once: also reports to the caller what else was found.
    virtual core::vector<int> find_pids(const pg::Roster& roster) = 0;
    virtual core::vector<int> pids_now(const pg::Roster& roster) = 0;

  private:
    Datum pids_ = 0;
};

/// The function of SQL: `make` reads its own arguments and makes the selector.
template <typename Make>
Datum act_by_locks(FunctionCallInfo fcinfo, Make&& make, core::Action action = core::Action::terminate,
                   core::Recheck recheck = core::Recheck::selection) {
    return serve([&] {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        auto selector = make(arguments);
        return selector.run(arguments, action, recheck);
    });
}

/// A NOTICE that these keep `what` waiting or locked, which no signal ends. Nothing if there are none.
void report_prepared(const core::vector<const pg::Prepared*>& found, const char* what);

} // namespace sessionctl::api
