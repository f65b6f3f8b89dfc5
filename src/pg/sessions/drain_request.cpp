#include "pg/sessions/drain_request.hpp"

#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

core::Identity this_process() noexcept {
    return {MyProcPid, compat::own_start()};
}

/// A request to the slot's previous session does not count.
bool is_mine(const DrainRequest* request) noexcept {
    return request != nullptr && request->requesters != 0 && request->is_for(this_process());
}

} // namespace

DrainRequest* request_in(int slot) noexcept {
    SessionSlot* const found = session_slot(slot);
    return found != nullptr ? &found->drain : nullptr;
}

DrainRequest* own_request() noexcept {
    return request_in(compat::own_slot());
}

bool is_asked_to_end() noexcept {
    return is_mine(own_request());
}

bool was_asked_to_end() noexcept {
    return is_asked_to_end() || ends_as_asked();
}

bool ends_as_asked() noexcept {
    const DrainRequest* const request = own_request();
    return request != nullptr && request->is_for(this_process()) &&
           request->answer == core::DrainAnswer::ends;
}

void answer_request(core::DrainAnswer answer) noexcept {
    if (DrainRequest* const request = own_request(); is_mine(request))
        request->answer = answer;
}

core::DrainAnswer answer_to_request(const core::Session& session) noexcept {
    const DrainRequest* const request = request_in(session.slot);
    return request != nullptr && request->is_for(session.id) ? request->answer.load()
                                                             : core::DrainAnswer::none;
}

core::DrainAnswer answer_request_for(const core::Session& session, core::DrainAnswer answer) noexcept {
    DrainRequest* const request = request_in(session.slot);
    return request != nullptr && request->is_for(session.id) ? request->answer.exchange(answer)
                                                             : core::DrainAnswer::none;
}

} // namespace sessionctl::pg
