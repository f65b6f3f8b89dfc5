// Text that people gave us and that goes to a log, a message or a list: made safe first.
#pragma once

#include "core/memory.hpp"

#include <cstddef>
#include <string_view>

namespace sessionctl::core {

/// In UTF-8 some characters of several bytes are control characters, too; in the server's other encodings no
/// byte of such a character looks like one.
enum class Encoding : bool { utf8, other };

/// The longest prefix of at most `limit` bytes that does not end inside a UTF-8 character.
std::size_t clipped_length(std::string_view text, std::size_t limit) noexcept;

/// Length in bytes of the control character at the start of `text`, 0 where there is none. Those count, too,
/// that have no width or change the direction: a text must not look like another one, or be two lines. Not
/// the joiners (U+200C, U+200D), which scripts of some languages need.
std::size_t control_length(std::string_view text, Encoding encoding) noexcept;

/// A reason made fit for one log line: no control characters (C0, DEL, C1, Unicode's separators and format
/// characters), runs of white space folded to one space. Its length is the caller's to cut.
string clean_reason(std::string_view text, Encoding encoding = Encoding::utf8);

/// The text between double quotes, with `"`, `\` and control characters escaped: one field of a log line.
string quoted(std::string_view text, Encoding encoding = Encoding::utf8);

/// A name between double quotes, with the quotes in it doubled.
string in_quotes(std::string_view name);

/// A list of names as in core's list parameters: comma separated, spaces around ignored, double quotes for
/// names with commas, quotes (doubled) or spaces at their ends. Unlike core's identifier lists nothing is
/// folded to lower case. Returns false where the syntax is wrong (an empty element, an open quote).
bool parse_names(std::string_view text, vector<string>& names);

/// Is it that name, or does it match a pattern with one * at its end?
bool matches(std::string_view pattern, std::string_view name) noexcept;

} // namespace sessionctl::core
