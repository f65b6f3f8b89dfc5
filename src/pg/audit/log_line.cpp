#include "pg/audit/log_line.hpp"

#include "pg/audit/audit_mark.hpp"
#include "pg/error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace sessionctl::pg {

core::Encoding server_encoding() noexcept {
    return GetDatabaseEncoding() == PG_UTF8 ? core::Encoding::utf8 : core::Encoding::other;
}

core::string kept_reason(const char* reason) {
    core::string text = kept_text(core::clean_reason(reason, server_encoding()).c_str());
    text.resize(core::clipped_length(text, longest_reason, core::utf8));
    return text;
}

void LogLine::add(const char* key, const char* value) {
    text_.append(" ");
    text_.append(key);
    text_.append("=");
    text_.append(value != nullptr ? value : "NULL");
}

void LogLine::add(const char* key, std::int32_t number) {
    char text[16];
    std::snprintf(text, sizeof text, "%d", number);
    add(key, text);
}

void LogLine::add_quoted(const char* key, const char* value) {
    add(key, value != nullptr ? core::quoted(value, server_encoding()).c_str() : nullptr);
}

void LogLine::add_all(const char* pairs) {
    text_.append(" ");
    text_.append(pairs);
}

void LogLine::write() const {
    const char* const mark = audit_mark_or_none();
    const char* const text = text_.c_str();
    call([mark, text] {
        // The line is not about the calling statement or its context.
        error_context_stack = nullptr;
        ereport(compat::log_server_only,
                (errmsg_internal("pg_sessionctl: mark=%s%s", mark, text), errhidestmt(true)));
    });
}

} // namespace sessionctl::pg
