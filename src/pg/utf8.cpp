#include "pg/utf8.hpp"

#include "core/text.hpp"
#include "pg/error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace sessionctl::pg {

void keep_utf8(char* target, std::size_t size, const char* text) {
    const char* const converted =
        call([text] { return pg_server_to_any(text, static_cast<int>(std::strlen(text)), PG_UTF8); });
    const std::size_t length = core::clipped_length(converted, size - 1);
    std::memcpy(target, converted, length);
    target[length] = '\0';
}

void convert_utf8(char* text, std::size_t size) {
    if (GetDatabaseEncoding() == PG_UTF8)
        return;
    const char* const converted =
        call([text] { return pg_any_to_server(text, static_cast<int>(std::strlen(text)), PG_UTF8); });
    std::snprintf(text, size, "%s", converted);
    compat::clip(text);
}

} // namespace sessionctl::pg
