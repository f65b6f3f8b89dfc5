// SQL and shell commands for a person to paste: what goes in is a literal, an identifier or a word, whatever
// it holds, and stands on one line. They mean the same whether standard_conforming_strings is on or off.
#pragma once

#include "core/text.hpp"

namespace sessionctl::core {

/// 'it''s' or, with a backslash or a control character in it, E'a\x0ab'.
string sql_literal(std::string_view text, Encoding encoding);

bool has_control(std::string_view text, Encoding encoding) noexcept;

/// U&"a\000ab": of a name with control characters. (Any other one is for the server's quote_identifier(),
/// which knows the keywords.)
string escaped_identifier(std::string_view name, Encoding encoding);

/// 'it'\''s'; what needs no quotes has none.
string shell_word(std::string_view text);

} // namespace sessionctl::core
