#include "pg/sessions/statement_time.hpp"

#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/progress.hpp"

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp report_margin = 100 * core::microseconds_per_millisecond;

} // namespace

void serve_interrupts() {
    if (InterruptPending)
        call([] { CHECK_FOR_INTERRUPTS(); });
    Progress::report();
}

void pause(core::Timestamp microseconds) {
    Progress::report();
    call([microseconds] {
        CHECK_FOR_INTERRUPTS();
        compat::wait_latch(static_cast<long>(microseconds / core::microseconds_per_millisecond));
        CHECK_FOR_INTERRUPTS();
    });
}

bool has_time(core::Timestamp deadline) {
    serve_interrupts();
    return monotonic_now() < deadline;
}

core::Timestamp time_left_for_statement() {
    return call([] {
        const TimestampTz end = compat::own_timeout_at();
        if (end == 0)
            return std::numeric_limits<core::Timestamp>::max();
        return std::max<core::Timestamp>(end - GetCurrentTimestamp() - report_margin, 0);
    });
}

core::Timestamp within_statement(core::Timestamp wait) {
    return std::min(wait, std::max<core::Timestamp>(time_left_for_statement(), 1));
}

Span::Span(core::Timestamp wait) {
    const core::Timestamp now = monotonic_now();
    const core::Timestamp time = wait > 0 ? within_statement(wait) : time_left_for_statement();
    deadline = now + std::min(time, std::numeric_limits<core::Timestamp>::max() - now);
    is_cut_short = time < wait;
}

} // namespace sessionctl::pg
