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

/// The last timeout that was put off, and the statement that it belongs to.
struct PutOff {
    TimestampTz statement; // when it began
    TimestampTz set;       // when it would have ended
    TimestampTz to;
} put_off = {};

void put_off_timeout(TimestampTz set, TimestampTz to) {
    enable_timeout_at(STATEMENT_TIMEOUT, to);
    put_off = {GetCurrentStatementStartTimestamp(), set, to};
}

bool is_put_off() {
    if (put_off.to == 0 || put_off.statement != GetCurrentStatementStartTimestamp())
        return false;
    const TimestampTz difference = compat::statement_timeout_at() - put_off.to;
    return -compat::timeout_precision <= difference && difference <= compat::timeout_precision;
}

/// 0 if it has no timeout.
TimestampTz statement_end() {
    const TimestampTz end = compat::own_timeout_at();
    return is_put_off() ? std::min(end, put_off.set) : end;
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
    : end_(has_lock_deadline() || is_put_off() ? 0 : compat::statement_timeout_at()) {
    if (end_ == 0)
        return;
    disable_timeout(STATEMENT_TIMEOUT, true);
    if (get_timeout_indicator(STATEMENT_TIMEOUT, false)) { // it has fired meanwhile
        end_ = 0;
        return;
    }
    put_off_timeout(end_, end_ + longest_report);
}

TimeoutDeferral::~TimeoutDeferral() {
    if (end_ == 0)
        return;
    const TimestampTz now = GetCurrentTimestamp();
    if (now + report_margin < end_)
        enable_timeout_at(STATEMENT_TIMEOUT, end_);
    else
        put_off_timeout(end_, now + time_to_return);
}

} // namespace sessionctl::pg
