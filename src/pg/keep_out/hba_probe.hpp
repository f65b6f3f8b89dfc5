// Which pg_hba.conf the postmaster obeys: only a login tells.
#pragma once

#include "compat/postgres.hpp"
#include "core/keep_out/hba.hpp"
#include "core/sessions/session.hpp"

namespace sessionctl::pg {

/// A name that no role has, and no file but one.
core::string new_probe_name();

enum class HbaProof : std::uint8_t {
    found,
    refuted,    // for 5 s and many logins the answers were others
    unanswered, // for a minute no login had an answer: that says nothing about the file
};

/// Logs in as that probe, whom the block asks for a password, and as a stranger, whom it rejects; no other
/// file treats the two like that. Again and again until both are so. Nothing but the block's lines decides:
/// the wording of the server's answers, in whatever language, does not.
HbaProof prove_block(const core::string& probe);

/// The same the other way round: the probe is a stranger like any other.
HbaProof prove_no_block(const core::string& probe);

} // namespace sessionctl::pg
