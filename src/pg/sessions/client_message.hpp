// What the client of a session reads when pg_sessionctl ends it, or cancels its statement: left in the
// session's slot in shared memory before the signal is sent, found there by the session itself.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/session.hpp"

#include <atomic>

namespace sessionctl::pg {

/// Plain text that fits a slot. Empty: core's own words alone.
struct ClientMessage {
    static constexpr std::size_t detail_size = 640;
    static constexpr std::size_t hint_size = 256;

    char detail[detail_size];
    char hint[hint_size]; // ASCII
    int encoding;         // of the detail as it was left; before that it is UTF-8

    bool is_empty() const noexcept { return detail[0] == '\0' && hint[0] == '\0'; }
};

/// Holds one client_message. Readers and writers are never blocked: a writer that finds another one at work,
/// or a reader that is overtaken by a writer, goes without.
class ClientMessageBox {
  public:
    /// For this session; `statement` is when the statement began that is to be cancelled, 0 for the session's
    /// end.
    void put(const core::Identity& session, core::Timestamp statement,
             const ClientMessage& client_message) noexcept;
    void clear(const core::Identity& session) noexcept;
    bool get(const core::Identity& session, core::Timestamp statement,
             ClientMessage& client_message) const noexcept;

  private:
    bool begin_write() noexcept;
    void end_write() noexcept;

    std::atomic<std::uint32_t> version_; // odd: being written
    core::Identity session_;
    core::Timestamp statement_;
    ClientMessage client_message_;
};

/// Leaves it in the encoding of the session's database. Does nothing where the library is not preloaded.
void leave_client_message(const core::Session& session, bool is_cancel, const ClientMessage& client_message);
void take_client_message_back(const core::Session& session) noexcept;
/// In the place of none, where it ends because it was asked to: for as long as the reaper asks. In ASCII.
void leave_lasting_farewell(const core::Session& session, const ClientMessage& client_message) noexcept;
/// What was left for this process.
bool own_client_message(bool is_cancel, ClientMessage& client_message) noexcept;

} // namespace sessionctl::pg
