#include "pg/sessions/drain_requesters.hpp"

#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

void add_requester(DrainRequest& request, const core::Identity& session) noexcept {
    if (!request.is_for(session)) {
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
    if (request.is_for(session) && request.requesters > 0)
        --request.requesters;
}

template <LastingRequester requester>
void add_lasting(DrainRequest& request, const core::Identity& session) noexcept {
    constexpr auto number = static_cast<std::size_t>(requester);
    if (request.is_for(session) && request.is_lasting[number])
        return;
    add_requester(request, session);
    request.is_lasting[number] = true;
}

void remove_lasting(SessionSlot& slot, const core::Identity& session, LastingRequester requester) noexcept {
    auto& is_lasting = slot.drain.is_lasting[static_cast<std::size_t>(requester)];
    if (!slot.drain.is_for(session) || !is_lasting.exchange(false))
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
    return !core::is_background(session.kind) && request != nullptr && is_listed(session) ? request : nullptr;
}

} // namespace

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
