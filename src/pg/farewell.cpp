#include "pg/farewell.hpp"

#include "core/text.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/xact.h"
#include "mb/pg_wchar.h"
}

namespace sessionctl::pg {

namespace {

FarewellBox* box_of(int slot) noexcept {
    SessionSlot* const found = session_slot(slot);
    return found != nullptr ? &found->farewell : nullptr;
}

core::Timestamp statement_of(const core::Session& session, bool is_cancel) noexcept {
    return is_cancel ? session.query_start : 0;
}

} // namespace

bool FarewellBox::begin_write() noexcept {
    std::uint32_t version = version_.load(std::memory_order_relaxed);
    return version % 2 == 0 &&
           version_.compare_exchange_strong(version, version + 1, std::memory_order_acquire);
}

void FarewellBox::end_write() noexcept {
    version_.fetch_add(1, std::memory_order_release);
}

void FarewellBox::put(const core::Identity& session, core::Timestamp statement,
                      const Farewell& farewell) noexcept {
    if (!begin_write())
        return;
    session_ = session;
    statement_ = statement;
    farewell_ = farewell;
    end_write();
}

void FarewellBox::clear(const core::Identity& session) noexcept {
    if (!begin_write())
        return;
    if (session_ == session)
        session_ = {};
    end_write();
}

bool FarewellBox::get(const core::Identity& session, core::Timestamp statement,
                      Farewell& farewell) const noexcept {
    const std::uint32_t version = version_.load(std::memory_order_acquire);
    const bool is_it = version % 2 == 0 && session_ == session && statement_ == statement;
    if (is_it)
        farewell = farewell_;
    std::atomic_thread_fence(std::memory_order_acquire);
    return is_it && version == version_.load(std::memory_order_relaxed);
}

void leave_farewell(const core::Session& session, bool is_cancel, const Farewell& farewell) noexcept {
    FarewellBox* const box = box_of(session.slot);
    if (box == nullptr || farewell.is_empty())
        return;
    Farewell left = farewell;
    left.encoding = GetDatabaseEncoding();
    box->put(session.id, statement_of(session, is_cancel), left);
}

void take_farewell_back(const core::Session& session) noexcept {
    if (FarewellBox* const box = box_of(session.slot))
        box->clear(session.id);
}

bool own_farewell(bool is_cancel, Farewell& farewell) noexcept {
    const FarewellBox* const box = box_of(compat::own_slot());
    const core::Identity own = {MyProcPid, compat::own_start()};
    if (box == nullptr || !box->get(own, is_cancel ? GetCurrentStatementStartTimestamp() : 0, farewell))
        return false;
    if (farewell.encoding != GetDatabaseEncoding() || farewell.encoding != pg_get_client_encoding()) {
        // What the client's encoding does not have would be an error of its own, in the place of this one.
        core::make_ascii(farewell.detail);
        core::make_ascii(farewell.hint);
    }
    return true;
}

} // namespace sessionctl::pg
