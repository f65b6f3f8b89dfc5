#include "pg/sessions/client_message_box.hpp"

namespace sessionctl::pg {

bool ClientMessageBox::begin_write() noexcept {
    std::uint32_t version = version_.load(std::memory_order_relaxed);
    return version % 2 == 0 &&
           version_.compare_exchange_strong(version, version + 1, std::memory_order_acquire);
}

void ClientMessageBox::end_write() noexcept {
    version_.fetch_add(1, std::memory_order_release);
}

void ClientMessageBox::put(const core::Identity& session, core::Timestamp statement,
                           const ClientMessage& client_message) noexcept {
    if (!begin_write())
        return;
    session_ = session;
    statement_ = statement;
    client_message_ = client_message;
    end_write();
}

void ClientMessageBox::clear(const core::Identity& session) noexcept {
    if (!begin_write())
        return;
    if (session_ == session)
        session_ = {};
    end_write();
}

bool ClientMessageBox::get(const core::Identity& session, core::Timestamp statement,
                           ClientMessage& client_message) const noexcept {
    const std::uint32_t version = version_.load(std::memory_order_acquire);
    const bool is_it = version % 2 == 0 && session_ == session && statement_ == statement;
    if (is_it)
        client_message = client_message_;
    std::atomic_thread_fence(std::memory_order_acquire);
    return is_it && version == version_.load(std::memory_order_relaxed);
}

} // namespace sessionctl::pg
