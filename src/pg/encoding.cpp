#include "pg/encoding.hpp"

#include "core/sql_text.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_database.h"
#include "mb/pg_wchar.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

bool is_whole(std::string_view text, const core::Characters& characters) noexcept {
    if (core::is_ascii(text))
        return true;
    while (!text.empty()) {
        const std::size_t length = characters.length_of(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

/// A process without a database has no conversions.
Oid conversion_between(int from, int to) {
    if (!OidIsValid(MyDatabaseId))
        return InvalidOid;
    return call([=] { return FindDefaultConversionProc(from, to); });
}

/// Replaces the characters that the other encoding lacks.
class Conversion {
  public:
    Conversion(int from, int to) : from_(from), to_(to), procedure_(conversion_between(from, to)) {}

    core::string operator()(std::string_view text) const {
        const core::Characters characters = characters_of(from_);
        core::string converted;
        while (!text.empty()) {
            if (const std::size_t done = convert_prefix(text, converted); done > 0) {
                text.remove_prefix(done);
                continue;
            }
            const std::size_t length = characters.length_of(text);
            if (length > 0 && from_ == PG_UTF8)
                core::append_code_point(converted, text.substr(0, length));
            else
                for (std::size_t i = 0; i < std::max<std::size_t>(length, 1); ++i)
                    core::append_byte(converted, text[i]);
            text.remove_prefix(std::max<std::size_t>(length, 1));
        }
        return converted;
    }

  private:
    /// Appends what can be converted from the beginning of a text. Returns the number of bytes converted.
    std::size_t convert_prefix(std::string_view text, core::string& converted) const {
        if (!OidIsValid(procedure_) || static_cast<unsigned char>(text.front()) < 0x80)
            return take_ascii(text, converted);
        if (compat::converts_in_part)
            return convert(text, converted);
        const std::size_t all = try_to_convert(text, converted);
        const std::size_t length = characters_of(from_).length_of(text);
        return all != 0 || length == 0 ? all : try_to_convert(text.substr(0, length), converted);
    }

    /// All server encodings contain ASCII.
    static std::size_t take_ascii(std::string_view text, core::string& converted) {
        const auto end = std::find_if(text.begin(), text.end(),
                                      [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
        const auto length = static_cast<std::size_t>(end - text.begin());
        converted.append(text.substr(0, length));
        return length;
    }

    std::size_t convert(std::string_view text, core::string& converted) const {
        core::string target(compat::growth_of_conversion * text.size() + 1, '\0');
        char* const bytes = target.data();
        const std::size_t done = call([=] { return compat::convert(procedure_, from_, to_, text, bytes); });
        converted.append(bytes);
        return done;
    }

    /// 0 if there is a character that the other encoding lacks.
    std::size_t try_to_convert(std::string_view text, core::string& converted) const {
        try {
            return in_subtransaction([&] { return convert(text, converted); });
        } catch (const PgError& error) {
            const int sqlstate = error.data()->sqlerrcode;
            if (sqlstate != ERRCODE_UNTRANSLATABLE_CHARACTER &&
                sqlstate != ERRCODE_CHARACTER_NOT_IN_REPERTOIRE)
                throw;
            return 0;
        }
    }

    const int from_;
    const int to_;
    const Oid procedure_;
};

} // namespace

core::Characters characters_of(int encoding) noexcept {
    return {compat::character_length, encoding,
            encoding == PG_UTF8 ? core::Encoding::utf8 : core::Encoding::other};
}

int own_encoding() noexcept {
    return GetDatabaseEncoding();
}

core::Characters own_characters() noexcept {
    return characters_of(GetDatabaseEncoding());
}

core::string one_line(const char* text) {
    return core::one_line(text, own_characters());
}

core::string converted(std::string_view text, int from, int to) {
    if (core::is_ascii(text))
        return core::string(text);
    if (from == to)
        return core::characters_of(text, characters_of(to));
    if (from == PG_SQL_ASCII)
        return converted(text, PG_UTF8, to);
    if (from == PG_UTF8)
        return to == PG_SQL_ASCII ? core::in_ascii(text) : Conversion(from, to)(text);
    const core::string utf8 = Conversion(from, PG_UTF8)(text);
    return to == PG_UTF8 ? utf8 : converted(utf8, PG_UTF8, to);
}

core::string shown_text(std::string_view text, int encoding) {
    return converted(text, encoding, GetDatabaseEncoding());
}

core::string shown_utf8(std::string_view text) {
    return shown_text(text, PG_UTF8);
}

const char* c_string(const core::string& text) {
    auto* const copy = static_cast<char*>(core::allocate(text.size() + 1));
    std::memcpy(copy, text.c_str(), text.size() + 1);
    return copy;
}

const char* shown_or_null(const char* text, int encoding) {
    return text != nullptr ? c_string(shown_text(text, encoding)) : nullptr;
}

core::string kept_text(const char* text) {
    return converted(text, GetDatabaseEncoding(), PG_UTF8);
}

core::string kept_name(const char* name) {
    return is_whole(name, core::utf8) ? core::string(name) : kept_text(name);
}

void keep(char* target, std::size_t size, const core::string& utf8) noexcept {
    copy_clipped(target, size, utf8, core::utf8);
}

void copy_clipped(char* target, std::size_t size, std::string_view text,
                  const core::Characters& characters) noexcept {
    const std::size_t length = core::clipped_length(text, size - 1, characters);
    std::memcpy(target, text.data(), length);
    target[length] = '\0';
}

const char* readable(const char* text) {
    const core::Characters characters = own_characters();
    if (is_whole(text, characters))
        return text;
    return c_string(core::characters_of(text, characters));
}

int encoding_of(Oid database) {
    return call([database] {
        const HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
        if (!HeapTupleIsValid(tuple))
            return GetDatabaseEncoding();
        const int encoding = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->encoding;
        ReleaseSysCache(tuple);
        return encoding;
    });
}

core::string sql_literal(const char* text) {
    return core::sql_literal(text, own_characters().controls);
}

core::string sql_identifier(const char* name) {
    const core::Encoding controls = own_characters().controls;
    if (core::has_control(name, controls))
        return core::escaped_identifier(name, controls);
    return call([name] { return quote_identifier(name); });
}

} // namespace sessionctl::pg
