#include "pg/logins/server_sweep.hpp"

#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/statement_time.hpp"

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp sweep_poll_interval = 2 * core::microseconds_per_millisecond;

bool has(const core::vector<Oid>& roles, Oid role) noexcept {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
}

} // namespace

void ServerSweep::end_pending_logins(core::Timestamp deadline, bool waits) {
    deadline_ = deadline;
    for (;;) {
        const core::Timestamp now = monotonic_now();
        open_ = look();
        if (open_ == 0 || !waits || now >= deadline)
            return;
        pause(sweep_poll_interval);
    }
}

int ServerSweep::wait_for_pending_logins(core::Timestamp deadline) {
    return ended_.wait(deadline) + open_;
}

bool ServerSweep::is_refused(Oid role) {
    if (has(refused_, role))
        return true;
    if (has(let_in_, role))
        return false;
    const core::Login login = call([&] { return login_of(role, core::Kind::client, state_); });
    const bool refused = !core::admits(state_, login);
    (refused ? refused_ : let_in_).push_back(role);
    return refused;
}

bool ServerSweep::end(std::int32_t pid, Oid role) {
    if (!has_time(deadline_))
        return false;
    if (call([role] { return compat::may_signal(GetUserId(), role); }))
        ended_.end(pid, role, [this, pid] { return is_still(pid); });
    return true;
}

} // namespace sessionctl::pg
