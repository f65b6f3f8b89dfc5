// Which pg_hba.conf the postmaster obeys: only a login tells.
#pragma once

#include "core/hba.hpp"
#include "core/session.hpp"
#include "pg/postgres.hpp"

namespace sessionctl::pg {

/// A name that no role has, and no file but one.
core::string new_probe_name();

/// Logs in as that probe, whom the block asks for a password, and as a stranger, whom it rejects; no other
/// file treats the two like that. Again and again until both are so, or `deadline` (monotonic). Nothing but
/// the block's lines decides: the wording of the server's answers, in whatever language, does not.
bool is_block_obeyed(const core::string& probe, core::Timestamp deadline);

/// The same the other way round: the probe is a stranger like any other.
bool is_block_gone(const core::string& probe, core::Timestamp deadline);

} // namespace sessionctl::pg
