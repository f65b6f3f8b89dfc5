#include "pg/server.hpp"

#include "pg/error.hpp"
#include "pg/roster.hpp"

#include <csignal>
#include <ctime>

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp report_margin = 100 * core::microseconds_per_millisecond;

} // namespace

bool LiveServer::hold(std::int32_t pid) {
    return signaller_.hold(pid);
}

core::Delivery LiveServer::send(core::Action action) {
    return signaller_.send(action == core::Action::cancel ? SIGINT : SIGTERM);
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
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * core::microseconds_per_second + time.tv_nsec / 1000;
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
