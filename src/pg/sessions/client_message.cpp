#include "pg/sessions/client_message.hpp"

#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/sessions/drain_request.hpp"
#include "pg/sessions/session_table.hpp"
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

/// Its client may want it in UTF-8 again, and core refuses to take back some of the characters that it makes
/// in EUC_TW.
core::string in_encoding(const char* utf8, int encoding) {
    core::string text = converted(utf8, PG_UTF8, encoding);
    const core::string back = converted(text, encoding, PG_UTF8);
    return converted(back, PG_UTF8, encoding) == text ? text : core::in_ascii(utf8);
}

/// The session itself can't convert it any more. Where it is in no database yet, it reads ASCII.
void translate(Farewell& farewell, const core::Session& session) {
    const Oid database = database_of(session);
    const int encoding = OidIsValid(database) ? encoding_of(database) : PG_SQL_ASCII;
    copy_clipped(farewell.detail, sizeof farewell.detail, in_encoding(farewell.detail, encoding),
                 characters_of(encoding));
    farewell.encoding = encoding;
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

/// A background process has no client that would read it.
void leave_farewell(const core::Session& session, bool is_cancel, const Farewell& farewell) {
    FarewellBox* const box = box_of(session.slot);
    if (box == nullptr || farewell.is_empty() || core::is_background(session.kind))
        return;
    Farewell left = farewell;
    left.encoding = PG_SQL_ASCII;
    if (!core::is_ascii(left.detail))
        translate(left, session);
    box->put(session.id, statement_of(session, is_cancel), left);
}

void take_farewell_back(const core::Session& session) noexcept {
    if (FarewellBox* const box = box_of(session.slot))
        box->clear(session.id);
}

void leave_lasting_farewell(const core::Session& session, const Farewell& farewell) noexcept {
    SessionSlot* const slot = session_slot(session.slot);
    if (slot == nullptr)
        return;
    Farewell left = farewell;
    left.encoding = PG_SQL_ASCII;
    slot->lasting_farewell.put(session.id, 0, left);
}

namespace {

/// What the client's encoding does not have would be an error of its own, in the place of this one. UTF-8 has
/// all that came out of UTF-8, as a translated text did.
bool is_readable_by_client(int encoding) noexcept {
    const int client = pg_get_client_encoding();
    return encoding == GetDatabaseEncoding() &&
           (client == encoding || client == PG_UTF8 || client == PG_SQL_ASCII);
}

void make_ascii(Farewell& farewell) noexcept {
    const Farewell written = farewell;
    // Of another encoding than UTF-8 no character is known here, only bytes.
    core::print_pieces(farewell.detail, sizeof farewell.detail, written.detail, core::take_ascii_piece);
}

} // namespace

bool own_farewell(bool is_cancel, Farewell& farewell) noexcept {
    const SessionSlot* const slot = session_slot(compat::own_slot());
    const core::Identity own = {MyProcPid, compat::own_start()};
    if (slot == nullptr)
        return false;
    const bool is_left =
        slot->farewell.get(own, is_cancel ? GetCurrentStatementStartTimestamp() : 0, farewell) ||
        (!is_cancel && leaves_as_asked() && slot->lasting_farewell.get(own, 0, farewell));
    if (!is_left)
        return false;
    if (!core::is_ascii(farewell.detail) && !is_readable_by_client(farewell.encoding))
        make_ascii(farewell);
    return true;
}

} // namespace sessionctl::pg
