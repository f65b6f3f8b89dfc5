#include "pg/sessions/statement_time.hpp"

#include "pg/error.hpp"
#include "pg/locks/lock_deadline.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/progress.hpp"

extern "C" {
#include "utils/timeout.h"
}

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp report_margin = 100 * core::microseconds_per_millisecond;
constexpr core::Timestamp longest_report = 30 * core::microseconds_per_second;
constexpr core::Timestamp time_to_return = core::microseconds_per_second;

TimestampTz deferred_end = 0; // of the running statement, as its timeout was set; 0: not deferred

/// 0 if it has no timeout.
TimestampTz statement_end() {
    const TimestampTz end = compat::own_timeout_at();
    return deferred_end != 0 ? std::min(end, deferred_end) : end;
}

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
        const TimestampTz end = statement_end();
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

// Up to 12 a lock's deadline cannot be told from statement_timeout.
TimeoutDeferral::TimeoutDeferral()
    : end_(deferred_end != 0 || has_lock_deadline() ? 0 : compat::statement_timeout_at()) {
    if (end_ == 0)
        return;
    disable_timeout(STATEMENT_TIMEOUT, true);
    if (get_timeout_indicator(STATEMENT_TIMEOUT, false)) { // it has fired meanwhile
        end_ = 0;
        return;
    }
    enable_timeout_at(STATEMENT_TIMEOUT, end_ + longest_report);
    deferred_end = end_;
}

TimeoutDeferral::~TimeoutDeferral() {
    if (end_ == 0)
        return;
    deferred_end = 0;
    enable_timeout_at(STATEMENT_TIMEOUT, std::max(end_, GetCurrentTimestamp() + time_to_return));
}

} // namespace sessionctl::pg
