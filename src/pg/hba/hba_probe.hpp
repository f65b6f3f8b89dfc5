// Finds out by a login which pg_hba.conf the postmaster uses: there is no other way.
#pragma once

#include "compat/postgres.hpp"
#include "core/hba/hba.hpp"
#include "core/sessions/session.hpp"

namespace sessionctl::pg {

/// A name that no role has, and that occurs in one file only.
core::string new_probe_name();

enum class HbaProof : std::uint8_t {
    found,
    refuted,    // for 5 s and many logins, the answers were others
    unanswered, // no login had an answer for a minute: that says nothing about the file
};

/// Logs in with the probe's name, which the block asks for a password, and with an unknown one, which it
/// rejects; no other file treats the two so. Repeats it until both answers are so. They depend on the block's
/// lines alone, not on the language of the server's messages.
HbaProof prove_block(const core::string& probe);

/// The opposite: the probe is treated like any unknown role.
HbaProof prove_no_block(const core::string& probe);

} // namespace sessionctl::pg
