#include "hooks/farewell.hpp"

#include "pg/farewell.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "utils/elog.h"
}

namespace sessionctl::hooks {

namespace {

emit_log_hook_type previous = nullptr;

/// Core frees what an error holds, so it has to be its own memory; none left: no farewell. What core has to
/// say itself (from 19 on, who sent the signal) comes first.
void add(char*& field, const char* text) noexcept {
    if (text[0] == '\0')
        return;
    const std::size_t before = field != nullptr ? std::strlen(field) : 0;
    const std::size_t length = std::strlen(text);
    auto* const joined = static_cast<char*>(compat::allocate_or_null(ErrorContext, before + length + 2));
    if (joined == nullptr)
        return;
    if (before > 0) {
        std::memcpy(joined, field, before);
        joined[before] = '\n';
    }
    std::memcpy(joined + before + (before > 0), text, length + 1);
    field = joined;
}

bool is_end(const ErrorData& error) noexcept {
    return error.elevel == FATAL && error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
}

bool is_cancel(const ErrorData& error) noexcept {
    return error.elevel == ERROR && error.sqlerrcode == ERRCODE_QUERY_CANCELED;
}

extern "C" void sessionctl_say_farewell(ErrorData* error) {
    if (previous != nullptr)
        previous(error);
    pg::Farewell farewell;
    if ((!is_end(*error) && !is_cancel(*error)) || !pg::farewell_setting() ||
        !pg::own_farewell(is_cancel(*error), farewell))
        return;
    add(error->detail, farewell.detail);
    add(error->hint, farewell.hint);
}

} // namespace

void install_farewell() {
    previous = std::exchange(emit_log_hook, sessionctl_say_farewell);
}

} // namespace sessionctl::hooks
