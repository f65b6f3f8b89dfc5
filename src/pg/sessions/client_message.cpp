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

ClientMessageBox* box_of(int slot) noexcept {
    SessionSlot* const found = session_slot(slot);
    return found != nullptr ? &found->client_message : nullptr;
}

core::Timestamp statement_of(const core::Session& session, bool is_cancel) noexcept {
    return is_cancel ? session.query_start : 0;
}

/// The client may need it in UTF-8 again, and core can't convert back some of the characters that it produces
/// in EUC_TW.
core::string in_encoding(const char* utf8, int encoding) {
    core::string text = converted(utf8, PG_UTF8, encoding);
    const core::string back = converted(text, encoding, PG_UTF8);
    return converted(back, PG_UTF8, encoding) == text ? text : core::in_ascii(utf8);
}

/// Converted here: the session itself can't do it any more. A session without a database gets ASCII.
void translate(ClientMessage& client_message, const core::Session& session) {
    const Oid database = database_of(session);
    const int encoding = OidIsValid(database) ? encoding_of(database) : PG_SQL_ASCII;
    copy_clipped(client_message.detail, sizeof client_message.detail,
                 in_encoding(client_message.detail, encoding), characters_of(encoding));
    client_message.encoding = encoding;
}

} // namespace

/// A background process has no client to read it.
void put_client_message(const core::Session& session, bool is_cancel, const ClientMessage& client_message) {
    ClientMessageBox* const box = box_of(session.slot);
    if (box == nullptr || client_message.is_empty() || core::is_background(session.kind))
        return;
    ClientMessage left = client_message;
    left.encoding = PG_SQL_ASCII;
    if (!core::is_ascii(left.detail))
        translate(left, session);
    box->put(session.id, statement_of(session, is_cancel), left);
}

void clear_client_message(const core::Session& session) noexcept {
    if (ClientMessageBox* const box = box_of(session.slot))
        box->clear(session.id);
}

void put_lasting_message(const core::Session& session, const ClientMessage& client_message) noexcept {
    SessionSlot* const slot = session_slot(session.slot);
    if (slot == nullptr)
        return;
    ClientMessage left = client_message;
    left.encoding = PG_SQL_ASCII;
    slot->lasting_message.put(session.id, 0, left);
}

namespace {

/// A character that the client's encoding lacks would replace this error by another. A text that was
/// converted from UTF-8 can be converted back.
bool is_readable_by_client(int encoding) noexcept {
    const int client = pg_get_client_encoding();
    return encoding == GetDatabaseEncoding() &&
           (client == encoding || client == PG_UTF8 || client == PG_SQL_ASCII);
}

void make_ascii(ClientMessage& client_message) noexcept {
    const ClientMessage written = client_message;
    // In encodings other than UTF-8 characters are not known here, only bytes.
    core::print_pieces(client_message.detail, sizeof client_message.detail, written.detail,
                       core::take_ascii_piece);
}

} // namespace

bool own_client_message(bool is_cancel, ClientMessage& client_message) noexcept {
    const SessionSlot* const slot = session_slot(compat::own_slot());
    const core::Identity own = {MyProcPid, compat::own_start()};
    if (slot == nullptr)
        return false;
    const bool is_left =
        slot->client_message.get(own, is_cancel ? GetCurrentStatementStartTimestamp() : 0, client_message) ||
        (!is_cancel && ends_as_asked() && slot->lasting_message.get(own, 0, client_message));
    if (!is_left)
        return false;
    if (!core::is_ascii(client_message.detail) && !is_readable_by_client(client_message.encoding))
        make_ascii(client_message);
    return true;
}

} // namespace sessionctl::pg
