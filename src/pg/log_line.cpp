#include "pg/log_line.hpp"

#include "pg/error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace sessionctl::pg {

core::Encoding server_encoding() noexcept {
    return GetDatabaseEncoding() == PG_UTF8 ? core::Encoding::utf8 : core::Encoding::other;
}

void LogLine::add(const char* key, const char* value) {
    text_.append(" ");
    text_.append(key);
    text_.append("=");
    text_.append(value != nullptr ? value : "NULL");
}

void LogLine::add_quoted(const char* key, const char* value) {
    add(key, value != nullptr ? core::quoted(value, server_encoding()).c_str() : nullptr);
}

void LogLine::write() const {
    const char* const text = text_.c_str();
    call([text] {
        // Neither the statement nor the context of the call belongs to it.
        error_context_stack = nullptr;
        ereport(compat::log_server_only, (errmsg_internal("%s", text), errhidestmt(true)));
    });
}

} // namespace sessionctl::pg
