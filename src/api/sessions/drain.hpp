// Sessions end after their transactions.
#pragma once

#include "api/sessions/run.hpp"
#include "pg/sessions/client_message.hpp"
#include "pg/sessions/server.hpp"

namespace sessionctl::api {

/// Drains what the plan has chosen, within the span of the request's timeout, and forces the rest if it is
/// asked to.
void drain(const Request& request, const pg::ClientMessage& client_message, pg::CallEvidence& evidence,
           const pg::Span& span, core::Plan& plan, core::ResultObserver& observer);

/// In a WARNING: how many have not come to the end of their transaction.
void warn_of_unfinished(const core::Plan& plan);

/// In a NOTICE, where all clients' sessions were meant: how many walsenders are left, for which a shutdown
/// waits.
void tell_walsenders(const pg::Roster& before, const core::Plan& plan);

} // namespace sessionctl::api
