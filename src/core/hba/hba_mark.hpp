// The block that a lockdown puts at the top of pg_hba.conf: its first and last line, and where it stands.
#pragma once

#include "core/memory.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace sessionctl::core::hba {

/// What the first line of the block shows. Empty: not given.
struct Mark {
    string by;
    string at;
    string until;
    string reason;
};

/// A block in a text, from its first byte to the byte after its last line's end.
struct Block {
    std::size_t begin;
    std::size_t end;
};

/// Errors: F0000 where the block is damaged: no end, no beginning, or there is more than one.
std::optional<Block> find_block(std::string_view text);

/// One line, without its end. It holds no control character and does not end in a backslash (which would
/// make the next line a part of it).
string first_line(const Mark& mark);
string last_line();

/// What first_line() wrote; what somebody made unreadable since then is empty. `block` begins with that line.
Mark read_mark(std::string_view block);

} // namespace sessionctl::core::hba
