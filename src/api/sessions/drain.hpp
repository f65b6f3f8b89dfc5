// Ends sessions after their transactions.
#pragma once

#include "api/sessions/run.hpp"
#include "pg/sessions/client_message.hpp"
#include "pg/sessions/statement_time.hpp"

namespace sessionctl::api {

/// Drains what the plan has chosen, within the span of the request's timeout, and forces the rest if it is
/// asked to.
void drain(const Request& request, const pg::ClientMessage& client_message, pg::CallEvidence& evidence,
           const pg::Span& span, core::Plan& plan, core::ResultObserver& observer);

/// WARNING: how many have not finished their transaction.
void warn_of_unfinished(const core::Plan& plan, bool is_cut_short);

/// NOTICE, if all clients' sessions were drained: how many walsenders a shutdown still waits for.
void report_walsenders(const pg::Roster& before, const core::Plan& plan);

} // namespace sessionctl::api
