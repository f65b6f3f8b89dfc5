// Text of one encoding, or of none, made fit to be shown: what can't be shown is replaced, not refused. A
// byte that belongs to no character becomes \xe9, a character that the other encoding lacks \u96ea or
// \U0001f600: two different texts mostly stay different, which question marks would not do.
#pragma once

#include "core/text.hpp"

#include <cstring>

namespace sessionctl::core {

/// The characters of an encoding, which the server knows.
struct Characters {
    /// How long the character is that a text begins with, in bytes; 0 where it begins with none.
    std::size_t (*length)(std::string_view text, int encoding) noexcept;
    int encoding; // for length() alone
    Encoding controls;

    std::size_t length_of(std::string_view text) const noexcept { return length(text, encoding); }
    bool begin_with_control(std::string_view text) const noexcept {
        return control_length(text, controls) > 0;
    }
};

std::size_t utf8_length(std::string_view text, int = 0) noexcept;
constexpr Characters utf8 = {utf8_length, 0, Encoding::utf8};

bool is_ascii(std::string_view text) noexcept;

/// A character, or what stands for a byte.
struct Piece {
    char text[12];
    std::size_t size;
};
/// Removes the first piece of a text that is not empty: a character, unless that is to be replaced.
Piece take_piece(std::string_view& text, const Characters& characters, bool is_replaced) noexcept;
/// The same in ASCII, of UTF-8.
Piece take_ascii_piece(std::string_view& text) noexcept;

/// Its characters, in the same encoding.
string characters_of(std::string_view text, const Characters& characters);
/// The same with each control character replaced, too, byte by byte: what stands in a message.
string one_line(std::string_view text, const Characters& characters);
/// What is UTF-8, or should be, in ASCII.
string in_ascii(std::string_view text);
/// Appends \xe9.
void append_byte(string& shown, char byte);
/// Appends \u96ea: of one character in UTF-8.
void append_code_point(string& shown, std::string_view character);

/// Copies the pieces of a text that fit into `size` bytes.
template <typename TakePiece>
void print_pieces(char* target, std::size_t size, std::string_view text, TakePiece&& take) noexcept {
    std::size_t used = 0;
    while (!text.empty()) {
        const Piece piece = take(text);
        if (used + piece.size >= size)
            break;
        std::memcpy(target + used, piece.text, piece.size);
        used += piece.size;
    }
    target[used] = '\0';
}

/// The longest prefix of at most `limit` bytes that ends with a character.
std::size_t clipped_length(std::string_view text, std::size_t limit, const Characters& characters) noexcept;
/// A text that was cut somewhere, without what may be left of a character at its end.
std::string_view without_torn_end(std::string_view text, const Characters& characters) noexcept;

/// one_line() in memory of its own, as much of it as that has room for, cut between characters. It needs no
/// destructor and allocates nothing: for messages that leave by longjmp.
template <std::size_t size>
class OneLine {
  public:
    explicit OneLine(std::string_view text, const Characters& characters = utf8) noexcept {
        print_pieces(text_, size, text, [&characters](std::string_view& rest) {
            return take_piece(rest, characters, characters.begin_with_control(rest));
        });
    }

    const char* text() const noexcept { return text_; }

  private:
    char text_[size];
};

} // namespace sessionctl::core
