// Encodings and their conversions.
#include "compat/postgres.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace sessionctl::compat {

std::size_t character_length(std::string_view text, int encoding) noexcept {
    const int size = static_cast<int>(text.size());
#if PG_VERSION_NUM >= 140000 // 14: pg_encoding_verifymb() was renamed
    const int length = pg_encoding_verifymbchar(encoding, text.data(), size);
#else
    const int length = pg_encoding_verifymb(encoding, text.data(), size);
#endif
    return length > 0 ? static_cast<std::size_t>(length) : 0;
}

std::size_t convert(Oid conversion, int from, int to, std::string_view text, char* target) {
    const int size = static_cast<int>(text.size());
    auto* const source = reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
    auto* const bytes = reinterpret_cast<unsigned char*>(target);
#if PG_VERSION_NUM >= 140000 // 14: conversions that stop without an error
    return static_cast<std::size_t>(pg_do_encoding_conversion_buf(
        conversion, from, to, source, size, bytes, size * static_cast<int>(growth_of_conversion) + 1, true));
#else
    OidFunctionCall5(conversion, Int32GetDatum(from), Int32GetDatum(to),
                     CStringGetDatum(reinterpret_cast<char*>(source)),
                     CStringGetDatum(reinterpret_cast<char*>(bytes)), Int32GetDatum(size));
    return text.size();
#endif
}

} // namespace sessionctl::compat
