#include "core/error.hpp"

#include "core/memory.hpp"
#include "core/text.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace sessionctl::core {

namespace {

void print(char (&target)[Error::text_size], const char* format, va_list arguments) noexcept {
    char text[Error::text_size + 1] = ""; // the byte after the cut tells whether it falls inside a character
    std::vsnprintf(text, sizeof text, format, arguments);
    const std::size_t length = clipped_length(text, sizeof target - 1);
    std::memcpy(target, text, length);
    target[length] = '\0';
}

} // namespace

Error::Error(const char* sqlstate, const char* format, ...) noexcept {
    std::strncpy(sqlstate_, sqlstate, sizeof sqlstate_ - 1);
    sqlstate_[sizeof sqlstate_ - 1] = '\0';
    va_list arguments;
    va_start(arguments, format);
    print(message_, format, arguments);
    va_end(arguments);
}

Error& Error::detail(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    print(detail_, format, arguments);
    va_end(arguments);
    return *this;
}

Error& Error::hint(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    print(hint_, format, arguments);
    va_end(arguments);
    return *this;
}

Error& Error::at(const char* text, int position) noexcept {
    text_ = text;
    position_ = position;
    return *this;
}

void refuse_index(std::size_t index, std::size_t size) {
    throw Error(sqlstate::internal_error, "there is no element %zu among %zu", index, size);
}

} // namespace sessionctl::core
