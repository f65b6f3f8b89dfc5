#include "core/shown_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace sessionctl::core {

namespace {

unsigned char at(std::string_view text, std::size_t i) noexcept {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

bool continues(std::string_view text, std::size_t i) noexcept {
    return (at(text, i) & 0xC0) == 0x80;
}

template <typename... Values>
Piece printed(const char* format, Values... values) noexcept {
    Piece piece;
    piece.size = static_cast<std::size_t>(std::snprintf(piece.text, sizeof piece.text, format, values...));
    return piece;
}

Piece escaped_byte(char byte) noexcept {
    return printed("\\x%02x", static_cast<unsigned char>(byte));
}

Piece escaped_code_point(std::string_view character) noexcept {
    static constexpr unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned code_point = at(character, 0) & first_bits[std::min<std::size_t>(character.size(), 4)];
    for (std::size_t i = 1; i < character.size(); ++i)
        code_point = code_point << 6 | (at(character, i) & 0x3F);
    return printed(code_point < 0x10000 ? "\\u%04x" : "\\U%08x", code_point);
}

string& append(string& shown, const Piece& piece) {
    return shown.append(piece.text, piece.size);
}

} // namespace

/// As the Unicode standard has it: the shortest form alone, no surrogates, nothing above U+10FFFF.
std::size_t utf8_length(std::string_view text, int) noexcept {
    const unsigned char first = at(text, 0);
    const unsigned char second = at(text, 1);
    if (first < 0x80)
        return text.empty() ? 0 : 1;
    if (first < 0xC2 || first > 0xF4 || !continues(text, 1))
        return 0;
    if (first < 0xE0)
        return 2;
    if (!continues(text, 2) || (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F))
        return 0;
    if (first < 0xF0)
        return 3;
    if (!continues(text, 3) || (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
        return 0;
    return 4;
}

/// Eight bytes at a time: every text that is shown goes through here.
bool is_ascii(std::string_view text) noexcept {
    constexpr std::uint64_t high_bits = 0x8080808080808080;
    for (std::uint64_t bytes = 0; text.size() >= sizeof bytes; text.remove_prefix(sizeof bytes)) {
        std::memcpy(&bytes, text.data(), sizeof bytes);
        if ((bytes & high_bits) != 0)
            return false;
    }
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Piece take_piece(std::string_view& text, const Characters& characters, bool is_replaced) noexcept {
    Piece piece = {};
    const std::size_t length = is_replaced ? 0 : characters.length_of(text);
    if (length > 0 && length <= sizeof piece.text)
        piece.size = text.copy(piece.text, length);
    else
        piece = escaped_byte(text.front());
    text.remove_prefix(std::max<std::size_t>(length, 1));
    return piece;
}

Piece take_ascii_piece(std::string_view& text) noexcept {
    const std::size_t length = utf8_length(text);
    const Piece piece = length == 0   ? escaped_byte(text.front())
                        : length == 1 ? Piece{{text.front()}, 1}
                                      : escaped_code_point(text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
    return piece;
}

string characters_of(std::string_view text, const Characters& characters) {
    string shown;
    while (!text.empty())
        append(shown, take_piece(text, characters, false));
    return shown;
}

string one_line(std::string_view text, const Characters& characters) {
    string shown;
    while (!text.empty())
        append(shown, take_piece(text, characters, characters.begin_with_control(text)));
    return shown;
}

string in_ascii(std::string_view text) {
    string shown;
    while (!text.empty())
        append(shown, take_ascii_piece(text));
    return shown;
}

void append_byte(string& shown, char byte) {
    append(shown, escaped_byte(byte));
}

void append_code_point(string& shown, std::string_view character) {
    append(shown, escaped_code_point(character));
}

std::size_t clipped_length(std::string_view text, std::size_t limit, const Characters& characters) noexcept {
    if (text.size() <= limit)
        return text.size();
    std::size_t clipped = 0;
    while (clipped < limit) {
        const std::size_t length = std::max<std::size_t>(characters.length_of(text.substr(clipped)), 1);
        if (clipped + length > limit)
            break;
        clipped += length;
    }
    return clipped;
}

std::string_view without_torn_end(std::string_view text, const Characters& characters) noexcept {
    constexpr std::size_t longest_part = 3;
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    std::size_t end = 0;
    while (end < text.size()) {
        const std::string_view rest = text.substr(end);
        const std::size_t length = characters.length_of(rest);
        if (length == 0 && rest.size() <= longest_part && std::none_of(rest.begin(), rest.end(), is_ascii))
            break;
        end += std::max<std::size_t>(length, 1);
    }
    return text.substr(0, end);
}

} // namespace sessionctl::core
