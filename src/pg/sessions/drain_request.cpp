#include "pg/sessions/drain_request.hpp"

#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

DrainRequest* request_in(int slot) noexcept {
    SessionSlot* const found = session_slot(slot);
    return found != nullptr ? &found->drain : nullptr;
}

bool is_for(const DrainRequest& request, const core::Identity& session) noexcept {
    return request.pid == session.pid && request.start == session.start;
}

core::Identity this_process() noexcept {
    return {MyProcPid, compat::own_start()};
}

/// A request to the slot's previous session does not count.
bool is_mine(const DrainRequest* request) noexcept {
    return request != nullptr && request->requesters != 0 && is_for(*request, this_process());
}

void add_requester(DrainRequest& request, const core::Identity& session) noexcept {
    if (!is_for(request, session)) {
        request.requesters = 0;
        for (auto& is_lasting : request.is_lasting)
            is_lasting = false;
        request.pid = session.pid;
        request.start = session.start;
    }
    if (request.requesters == 0)
        request.answer = core::DrainAnswer::none;
    ++request.requesters;
}

void remove_requester(DrainRequest& request, const core::Identity& session) noexcept {
    if (is_for(request, session) && request.requesters > 0)
        --request.requesters;
}

template <LastingRequester requester>
void add_lasting(DrainRequest& request, const core::Identity& session) noexcept {
    constexpr auto number = static_cast<std::size_t>(requester);
    if (is_for(request, session) && request.is_lasting[number])
        return;
    add_requester(request, session);
    request.is_lasting[number] = true;
}

void remove_lasting(SessionSlot& slot, const core::Identity& session, LastingRequester requester) noexcept {
    auto& is_lasting = slot.drain.is_lasting[static_cast<std::size_t>(requester)];
    if (!is_for(slot.drain, session) || !is_lasting.exchange(false))
        return;
    remove_requester(slot.drain, session);
    if (requester == LastingRequester::reaper && slot.drain.answer != core::DrainAnswer::ends)
        slot.lasting_message.clear(session);
}

/// A session publishes its activity before it reads its request, and a request is written before the activity
/// is read: so one of the two sees the other.
void add(DrainRequest& request, const core::Identity& session,
         void (*add_to)(DrainRequest&, const core::Identity&) noexcept) {
    LWLock* const lock = shared_memory()->drain_lock;
    call([=, &request, &session] {
        LWLockAcquire(lock, LW_EXCLUSIVE);
        add_to(request, session);
        LWLockRelease(lock);
    });
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Null if it can't be asked: the slot may belong to another session, and a background process has no client
/// statement to refuse.
DrainRequest* request_for(const core::Session& session) {
    DrainRequest* const request = request_in(session.slot);
    return !core::is_background(session.kind) && request != nullptr && look_at(session).listed ? request
                                                                                               : nullptr;
}

} // namespace

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
    return request != nullptr && is_for(*request, this_process()) &&
           request->answer == core::DrainAnswer::ends;
}

void answer_request(core::DrainAnswer answer) noexcept {
    if (DrainRequest* const request = own_request(); is_mine(request))
        request->answer = answer;
}

core::DrainAnswer answer_to_request(const core::Session& session) noexcept {
    const DrainRequest* const request = request_in(session.slot);
    return request != nullptr && is_for(*request, session.id) ? request->answer.load()
                                                              : core::DrainAnswer::none;
}

core::DrainAnswer answer_request_for(const core::Session& session, core::DrainAnswer answer) noexcept {
    DrainRequest* const request = request_in(session.slot);
    return request != nullptr && is_for(*request, session.id) ? request->answer.exchange(answer)
                                                              : core::DrainAnswer::none;
}

DrainRequests::DrainRequests(const ClientMessage& client_message, CallEvidence& evidence)
    : client_message_(client_message), evidence_(evidence), guard_(withdraw, this) {}

DrainRequests::~DrainRequests() {
    withdraw(this);
}

void DrainRequests::ask(const core::Session& session) {
    evidence_.take(session);
    DrainRequest* const request = request_for(session);
    if (request == nullptr)
        return;
    asked_.push_back(session); // first: every request must be withdrawn
    put_client_message(session, false, client_message_);
    add(*request, session.id, add_requester);
}

void DrainRequests::withdraw(void* requests) noexcept {
    auto& self = *static_cast<DrainRequests*>(requests);
    SharedMemory* const shared = shared_memory();
    if (self.asked_.empty() || shared == nullptr)
        return;
    LWLockAcquire(shared->drain_lock, LW_EXCLUSIVE);
    for (const core::Session& session : self.asked_)
        remove_requester(shared->slots[session.slot].drain, session.id);
    LWLockRelease(shared->drain_lock);
    for (const core::Session& session : self.asked_)
        if (self.answer_of(session) != core::DrainAnswer::ends)
            clear_client_message(session);
    self.asked_.clear();
}

void LastingRequests::ask(const core::Session& session) {
    if (DrainRequest* const request = request_for(session))
        add(*request, session.id,
            requester_ == LastingRequester::reaper ? add_lasting<LastingRequester::reaper>
                                                   : add_lasting<LastingRequester::rules>);
}

void LastingRequests::withdraw(const core::Session& session) noexcept {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr)
        return;
    LWLockAcquire(shared->drain_lock, LW_EXCLUSIVE);
    remove_lasting(shared->slots[session.slot], session.id, requester_);
    LWLockRelease(shared->drain_lock);
}

void LastingRequests::withdraw_all() noexcept {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr)
        return;
    LWLockAcquire(shared->drain_lock, LW_EXCLUSIVE);
    for (int number = 0; number < shared->slot_count; ++number) {
        SessionSlot& slot = shared->slots[number];
        remove_lasting(slot, {slot.drain.pid, slot.drain.start}, requester_);
    }
    LWLockRelease(shared->drain_lock);
}

} // namespace sessionctl::pg
