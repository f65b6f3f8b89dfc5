// A text of fixed size, as it goes into shared memory.
#pragma once

#include "pg/encoding.hpp"

namespace sessionctl::pg {

/// A text or NULL. What is too long is cut at the end of a character.
template <std::size_t size>
struct AuditText {
    bool is_present;
    char text[size];

    void set(const char* value, const core::Characters& characters = own_characters()) noexcept {
        is_present = value != nullptr;
        copy_clipped(text, sizeof text, is_present ? value : "", characters);
    }
    const char* get() const noexcept { return is_present ? text : nullptr; }
};

} // namespace sessionctl::pg
