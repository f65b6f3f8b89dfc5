// Files of settings in the data directory: a line with the version, one line for each setting, and a last
// line that shows that the file is complete. Lines with # are comments. No allocation: logins, exiting
// processes and the postmaster use it.
#pragma once

#include "core/sessions/session.hpp"

#include <cstddef>
#include <string_view>

namespace sessionctl::core {

constexpr std::string_view last_line_of_settings = "end";

/// Adds lines to memory of the caller's. What has no room is left out; the text always ends with a null byte.
class SettingsWriter {
  public:
    /// There is room for one byte at least.
    SettingsWriter(char* text, std::size_t size) noexcept : text_(text), size_(size) { text_[0] = '\0'; }

    [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) noexcept;
    /// The value between double quotes, with `"`, `\` and control characters escaped.
    void add_quoted(const char* key, const char* value) noexcept;
    /// Nothing for 0, which is no time.
    void add_time(const char* key, Timestamp time) noexcept;

    std::size_t length() const noexcept { return length_; }

  private:
    char* const text_;
    const std::size_t size_;
    std::size_t length_ = 0;
};

/// Cuts a line off the front; the line has no newline.
std::string_view take_line(std::string_view& text) noexcept;

/// A line of a file: `key value`, or a key alone.
struct Setting {
    std::string_view key;
    std::string_view value;

    explicit Setting(std::string_view line) noexcept;
};

/// Digits alone. False where it is something else, or more than `largest`.
bool read_number(std::string_view text, std::int64_t largest, std::int64_t& number) noexcept;
/// A number that is not 0.
bool read_oid(std::string_view text, std::uint32_t& oid) noexcept;
/// `500 ms`
bool read_milliseconds(std::string_view text, std::int64_t largest, std::int32_t& milliseconds) noexcept;

/// What add_quoted() wrote. False where it is something else, or too long.
bool read_quoted(std::string_view text, char* target, std::size_t size) noexcept;
template <std::size_t size>
bool read_quoted(std::string_view text, char (&target)[size]) noexcept {
    return read_quoted(text, target, size);
}

/// Calls `read` with each line between the first and the last that is neither empty nor a comment. False
/// where the file is of another version or damaged, or where `read` returned false.
template <typename Read>
bool read_settings(std::string_view text, std::string_view first_line, Read&& read) noexcept {
    if (text.find('\0') != std::string_view::npos || take_line(text) != first_line)
        return false;
    while (!text.empty()) {
        const bool is_ended = text.find('\n') != std::string_view::npos;
        const std::string_view line = take_line(text);
        if (line == last_line_of_settings)
            return is_ended && text.empty();
        if (!line.empty() && line.front() != '#' && !read(Setting(line)))
            return false;
    }
    return false;
}

} // namespace sessionctl::core
