// Where a message to a session's client is left in shared memory.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/session.hpp"

#include <atomic>

namespace sessionctl::pg {

/// Plain text that fits a slot. Empty: only core's own message is sent.
struct ClientMessage {
    static constexpr std::size_t detail_size = 640;
    static constexpr std::size_t hint_size = 256;

    char detail[detail_size];
    char hint[hint_size]; // ASCII
    int encoding;         // of the detail in the slot; before that it is UTF-8

    bool is_empty() const noexcept { return detail[0] == '\0' && hint[0] == '\0'; }
};

/// Holds one message. Readers and writers never block: a writer that finds another one writing, or a reader
/// that is interrupted by a writer, gives up.
class ClientMessageBox {
  public:
    /// For this session; `statement` is the start of the statement to be cancelled, 0 for a termination.
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

} // namespace sessionctl::pg
