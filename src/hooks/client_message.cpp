#include "hooks/client_message.hpp"

#include "pg/sessions/client_message.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "utils/elog.h"
}

namespace sessionctl::hooks {

namespace {

emit_log_hook_type previous_emit_log = nullptr;

/// Core frees the fields of an error, so the text gets memory of its own; without memory there is no client
/// message. Core's own text follows it.
void add(char*& field, const char* text) noexcept {
    if (text[0] == '\0')
        return;
    const std::size_t length = std::strlen(text);
    const std::size_t after = field != nullptr ? std::strlen(field) : 0;
    auto* const joined = static_cast<char*>(compat::allocate_or_null(ErrorContext, length + after + 2));
    if (joined == nullptr)
        return;
    std::memcpy(joined, text, length + 1);
    if (after > 0) {
        joined[length] = '\n';
        std::memcpy(joined + length + 1, field, after + 1);
    }
    field = joined;
}

bool is_termination(const ErrorData& error) noexcept {
    return error.elevel == FATAL && error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
}

bool is_cancel(const ErrorData& error) noexcept {
    return error.elevel == ERROR && error.sqlerrcode == ERRCODE_QUERY_CANCELED;
}

extern "C" void sessionctl_send_client_message(ErrorData* error) {
    if (previous_emit_log != nullptr)
        previous_emit_log(error);
    pg::ClientMessage client_message;
    if ((!is_termination(*error) && !is_cancel(*error)) || !pg::send_reason_setting() ||
        !pg::own_client_message(is_cancel(*error), client_message))
        return;
    add(error->detail, client_message.detail);
    // From 19 on it has the sender of the signal, and replaces the detail in the server log.
    if (error->detail_log != nullptr)
        add(error->detail_log, client_message.detail);
    add(error->hint, client_message.hint);
}

} // namespace

void install_client_message() {
    previous_emit_log = std::exchange(emit_log_hook, sessionctl_send_client_message);
}

} // namespace sessionctl::hooks
