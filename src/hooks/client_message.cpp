#include "hooks/client_message.hpp"

#include "pg/sessions/client_message.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "utils/elog.h"
}

namespace sessionctl::hooks {

namespace {

emit_log_hook_type previous_emit_log = nullptr;

/// Core frees what an error holds, so it has to be its own memory; none left: no farewell. What core has to
/// say itself comes after it.
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

bool is_end(const ErrorData& error) noexcept {
    return error.elevel == FATAL && error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
}

bool is_cancel(const ErrorData& error) noexcept {
    return error.elevel == ERROR && error.sqlerrcode == ERRCODE_QUERY_CANCELED;
}

extern "C" void sessionctl_say_farewell(ErrorData* error) {
    if (previous_emit_log != nullptr)
        previous_emit_log(error);
    pg::Farewell farewell;
    if ((!is_end(*error) && !is_cancel(*error)) || !pg::farewell_setting() ||
        !pg::own_farewell(is_cancel(*error), farewell))
        return;
    add(error->detail, farewell.detail);
    // From 19 on it has who sent the signal, told to the log in the place of the detail.
    if (error->detail_log != nullptr)
        add(error->detail_log, farewell.detail);
    add(error->hint, farewell.hint);
}

} // namespace

void install_farewell() {
    previous_emit_log = std::exchange(emit_log_hook, sessionctl_say_farewell);
}

} // namespace sessionctl::hooks
