#include "fake_server.hpp"

#include <stdexcept>

namespace sessionctl::test {

Life& FakeServer::start(const core::Session& session) {
    Life& life = lives_.emplace_back();
    life.session = session;
    life.session.slot = static_cast<std::int32_t>(table_.size());
    table_.push_back(&life);
    processes_[session.id.pid] = &life;
    return life;
}

Life& FakeServer::start_successor(const Life& ended) {
    Life& life = lives_.emplace_back();
    life.session = ended.session;
    life.session.id.start += 1;
    table_[static_cast<std::size_t>(life.session.slot)] = &life;
    processes_[life.session.id.pid] = &life;
    return life;
}

void FakeServer::leave_table(Life& life) {
    life.listed = false;
    Life*& entry = table_[static_cast<std::size_t>(life.session.slot)];
    if (entry == &life)
        entry = nullptr;
}

void FakeServer::end(Life& life) {
    leave_table(life);
    life.in_array = false;
    processes_.erase(life.session.id.pid);
    if (pinned_ == &life)
        is_held_alive_ = false;
}

void FakeServer::after(core::Timestamp delay, std::function<void()> event) {
    events_.emplace(clock_ + delay, std::move(event));
}

void FakeServer::pass(core::Timestamp time) {
    const core::Timestamp end = clock_ + time;
    while (!events_.empty() && events_.begin()->first <= end) {
        const auto event = events_.extract(events_.begin());
        clock_ = event.key();
        event.mapped()();
    }
    clock_ = end;
}

bool FakeServer::pin(const core::Session& session, core::Action action) {
    const std::int32_t pid = session.id.pid;
    pinned_for_ = action;
    EXPECT_EQ(pinned_, nullptr) << "one process is held at a time";
    if (before_pin)
        before_pin(process_with(pid));
    note("pin", pid);
    pinned_ = process_with(pid);
    is_held_alive_ = pinned_ != nullptr;
    return is_held_alive_;
}

core::Delivery FakeServer::send() {
    if (pinned_ == nullptr) {
        ADD_FAILURE() << "a signal to nobody";
        return core::Delivery::gone;
    }
    if (before_send)
        before_send(pinned_);
    note("send", pinned_->session.id.pid);
    if (!is_held_alive_)
        return core::Delivery::gone;
    if (pinned_->refuses)
        return core::Delivery::denied;
    ++pinned_->signals;
    pinned_->last_signal = pinned_for_;
    if (on_signal)
        on_signal(pinned_);
    return core::Delivery::delivered;
}

void FakeServer::release() noexcept {
    note("release", pinned_->session.id.pid);
    pinned_ = nullptr;
}

core::Closing FakeServer::close_socket() {
    using Result = core::Closing::Result;
    note("close", pinned_->session.id.pid);
    if (!is_held_alive_)
        return {Result::gone, nullptr};
    if (pinned_->closing != Result::closed)
        return {pinned_->closing, "because"};
    pinned_->is_cut_off = true;
    if (on_close)
        on_close(pinned_);
    return {Result::closed, nullptr};
}

core::Observation FakeServer::look(const core::Session& session) {
    if (before_look)
        before_look(process_with(session.id.pid));
    note("look", session.id.pid);
    core::Observation observed = {};
    if (const Life* const entry = table_[static_cast<std::size_t>(session.slot)]) {
        observed.listed = entry->session.id == session.id;
        observed.state = entry->session.state;
        observed.state_change = entry->session.state_change;
        observed.query_start = entry->session.query_start;
        observed.xact_start = entry->session.xact_start;
        observed.is_streaming = entry->is_streaming;
        observed.is_in_transaction = entry->is_in_transaction;
    }
    const Life* const process = process_with(session.id.pid);
    observed.present = observed.listed || (process != nullptr && process->in_array && !process->listed);
    return observed;
}

bool FakeServer::still_selects(const core::Session& session) {
    Life* const process = process_with(session.id.pid);
    if (before_find)
        before_find(process);
    note("find", session.id.pid);
    return process != nullptr && process->is_found;
}

bool FakeServer::spares(const core::Session& session) {
    const Life* const process = process_with(session.id.pid);
    return process != nullptr && process->is_spared;
}

bool FakeServer::awaits_standby(const core::Session& session) {
    const Life* const process = process_with(session.id.pid);
    return process != nullptr && process->awaits_standby;
}

bool FakeServer::blocks_others(const core::Session& session) {
    Life* const process = process_with(session.id.pid);
    if (before_lock_look)
        before_lock_look(process);
    return process != nullptr && process->blocks_others;
}

void FakeServer::sleep(core::Timestamp microseconds) {
    sleeps.push_back(microseconds);
    if (sleeps.size() > 10000)
        throw std::runtime_error("a wait without an end");
    if (on_sleep)
        on_sleep();
    pass(microseconds);
}

Life* FakeServer::process_with(std::int32_t pid) {
    const auto found = processes_.find(pid);
    return found != processes_.end() ? found->second : nullptr;
}

void FakeServer::note(const char* call, std::int32_t pid) {
    trace.push_back(std::string(call) + " " + std::to_string(pid));
}

} // namespace sessionctl::test
