#include "pg/sessions/live_server.hpp"

#include "pg/clients/client_socket.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/statement_time.hpp"

#include <csignal>

namespace sessionctl::pg {

bool LiveServer::pin(const core::Session& session, core::Action action) {
    processes_.forget();
    if (evidence_ != nullptr)
        evidence_->take(session);
    if (!signaller_.pin(session.id.pid))
        return false;
    pinned_ = session;
    is_cancel_ = action == core::Action::cancel;
    is_delivered_ = action == core::Action::close_socket; // its message came with an earlier signal
    if (!is_delivered_)
        put_client_message(session, is_cancel_, client_message_);
    if (cooldown_ != nullptr)
        cooldown_->begin(session);
    return true;
}

core::Delivery LiveServer::send() {
    const core::Delivery delivery = signaller_.send(is_cancel_ ? SIGINT : SIGTERM);
    is_delivered_ = delivery == core::Delivery::delivered;
    if (is_delivered_ && cooldown_ != nullptr)
        cooldown_->keep();
    return delivery;
}

core::Closing LiveServer::close_socket() {
    return close_client_socket(signaller_.descriptor(), pinned_.id.pid, client_of(pinned_));
}

void LiveServer::release() noexcept {
    signaller_.release();
    if (is_delivered_)
        return;
    if (!client_message_.is_empty())
        clear_client_message(pinned_);
    if (cooldown_ != nullptr)
        cooldown_->withdraw();
}

core::Observation LiveServer::look(const core::Session& session) {
    return look_at(session, processes_);
}

bool LiveServer::awaits_standby(const core::Session& session) {
    return pg::awaits_standby(session);
}

bool LiveServer::blocks_others(const core::Session& session) {
    const ScratchMemory scratch;
    return LockWaits::take()->waiting_behind(session.id.pid) > 0;
}

core::Timestamp LiveServer::now() {
    return monotonic_now();
}

void LiveServer::check_interrupts() {
    serve_interrupts();
}

void LiveServer::sleep(core::Timestamp microseconds) {
    pause(microseconds);
    processes_.forget();
}

} // namespace sessionctl::pg
