// What is looked up of the sessions in the way of others, once for each in a look.
#pragma once

#include "worker/locks/waiting_sessions.hpp"

namespace sessionctl::worker {

/// Lives no longer than the ScratchMemory that was the innermost when it was made. Its functions read the
/// catalogs: they need a pg::CatalogScope. Errors: PgError.
class Standings {
  public:
    struct Known {
        core::Identity id;
        bool is_gone;
        bool is_exempt;
        Oid role; // that it logged in as
    };

    const Known& of(const core::Session& session);
    bool may_signal(Oid signaller, Oid role);

  private:
    struct Right {
        Oid signaller;
        Oid role;
        bool is_given;
    };

    core::vector<Known>::iterator place_of(const core::Session& session) noexcept;

    const MemoryContext memory_ = CurrentMemoryContext;
    core::vector<Known> known_;  // by pid
    core::vector<Right> rights_; // by both roles
};

} // namespace sessionctl::worker
