#include "pg/server.hpp"

#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/session_table.hpp"

#include <csignal>

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp report_margin = 100 * core::microseconds_per_millisecond;

} // namespace

bool LiveServer::hold(std::int32_t pid) {
    return signaller_.hold(pid);
}

core::Delivery LiveServer::send(const core::Session& session, core::Action action) {
    const bool is_cancel = action == core::Action::cancel;
    leave_farewell(session, is_cancel, farewell_);
    const core::Delivery delivery = signaller_.send(is_cancel ? SIGINT : SIGTERM);
    if (delivery != core::Delivery::delivered)
        take_farewell_back(session);
    return delivery;
}

void LiveServer::release() noexcept {
    signaller_.release();
}

core::Sight LiveServer::look(const core::Session& session) {
    return look_at(session);
}

bool LiveServer::awaits_standby(const core::Session& session) {
    return call([&session] { return compat::awaits_standby(session.slot, session.id.pid); });
}

core::Timestamp LiveServer::now() {
    return monotonic_now();
}

void LiveServer::sleep(core::Timestamp microseconds) {
    call([microseconds] {
        CHECK_FOR_INTERRUPTS();
        compat::wait_latch(static_cast<long>(microseconds / core::microseconds_per_millisecond));
        CHECK_FOR_INTERRUPTS();
    });
}

core::Timestamp time_left_for_statement() {
    return call([] {
        const TimestampTz end = compat::own_timeout_at();
        if (end == 0)
            return std::numeric_limits<core::Timestamp>::max();
        return std::max<core::Timestamp>(end - GetCurrentTimestamp() - report_margin, 0);
    });
}

} // namespace sessionctl::pg
