#include "pg/sessions/drain_server.hpp"

#include "pg/clients/inactivity.hpp"
#include "pg/sessions/drain_request.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

core::Observation DrainServer::look(const core::Session& session) {
    const core::Observation first = LiveServer::look(session);
    if (!is_pinned() || !core::is_login(session.kind) || first.is_streaming)
        return first;
    const bool is_ready = may_be_signalled(session);
    core::Observation observed = LiveServer::look(session);
    if (!is_ready || observed.state_change != first.state_change)
        observed.state = core::State::undefined;
    return observed;
}

core::Delivery DrainServer::send() {
    const core::DrainAnswer before = answer_request_for(pinned(), core::DrainAnswer::ends);
    const core::Delivery delivery = LiveServer::send();
    if (delivery != core::Delivery::delivered)
        answer_request_for(pinned(), before);
    return delivery;
}

/// Where sessions can't be asked: a session that reports idle but runs, or waits for a processor, has
/// received its client's next statement.
bool DrainServer::may_be_signalled(const core::Session& session) const noexcept {
    if (!is_at_rest(session) || (shared_memory() == nullptr && is_runnable(session.id.pid)))
        return false;
    return answer_to_request(session) != core::DrainAnswer::will_end || !has_unreceived_output(session);
}

} // namespace sessionctl::pg
