#include "core/hba/hba_lines.hpp"

#include "core/error.hpp"
#include "core/version.hpp"

#include <limits>

namespace sessionctl::core::hba {

namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

/// Splits one logical line into fields.
class Splitter {
  public:
    Splitter(std::string_view text, const Dialect& dialect) noexcept : text_(text), dialect_(dialect) {}

    bool token_too_long() const noexcept { return token_too_long_; }

    /// False at the end of the line.
    bool take(Field& field) {
        bool comma = true;
        while (comma) {
            Token token = {{}, false};
            std::size_t begin;
            if (!take(token, begin, comma))
                break;
            if (field.tokens.empty())
                field.begin = begin;
            field.end = end_;
            field.tokens.push_back(std::move(token));
        }
        return !field.tokens.empty();
    }

  private:
    bool at_blank() const noexcept {
        const char c = text_[at_];
        return c == ' ' || c == '\t' || (c == '\r' && dialect_.return_is_blank);
    }

    /// `comma`: one follows the token.
    bool take(Token& token, std::size_t& begin, bool& comma) {
        comma = false;
        while (at_ < text_.size() && (at_blank() || text_[at_] == ','))
            ++at_;
        begin = at_;
        bool in_quote = false, was_quote = false, saw_quote = false;
        for (; at_ < text_.size() && (in_quote || !at_blank()); ++at_) {
            const char c = text_[at_];
            if (!in_quote && c == '#')
                break;
            if (token.text.size() >= dialect_.longest_token) {
                token_too_long_ = true;
                return false;
            }
            comma = !in_quote && c == ',';
            if (comma)
                break;
            if (c != '"' || was_quote)
                token.text.push_back(c);
            was_quote = in_quote && c == '"' && !was_quote;
            if (c == '"') {
                in_quote = !in_quote;
                saw_quote = true;
                token.quoted |= token.text.empty();
            }
        }
        end_ = at_;
        if (at_ < text_.size() && !in_quote && text_[at_] == '#')
            at_ = text_.size();
        return saw_quote || !token.text.empty();
    }

    std::string_view text_;
    const Dialect& dialect_;
    std::size_t at_ = 0;
    std::size_t end_ = 0; // of the last token
    bool token_too_long_ = false;
};

/// Takes lines off the front of `text` until they make a whole one; returns how many.
int take_line(std::string_view& text, string& line, const Dialect& dialect, bool& too_long) {
    std::size_t joined = 0; // bytes up to the last continuation: its backslash counts once
    for (int count = 1;; ++count) {
        const std::size_t newline = text.find('\n');
        const std::size_t length = newline == std::string_view::npos ? text.size() : newline + 1;
        too_long |= length > dialect.longest_line;
        line.append(text.substr(0, length));
        text.remove_prefix(length);
        while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
            line.pop_back();
        if (!dialect.continuations || line.size() <= joined || line.back() != '\\')
            return count;
        line.pop_back();
        joined = line.size();
        if (text.empty())
            return count;
    }
}

} // namespace

Dialect dialect_of(int version) noexcept {
    Dialect dialect;
    dialect.continuations = version >= 140000;
    dialect.includes = version >= 160000;
    dialect.patterns = version >= 160000;
    dialect.return_is_blank = version < 190000;
    dialect.longest_token = version >= 170000 ? unlimited : version >= 100000 ? 255 : 254;
    dialect.longest_line = version >= 140000 ? unlimited : 8190;
    dialect.argument_sign = argument_sign(version);
    return dialect;
}

std::string_view Line::raw(std::size_t first, std::size_t last) const {
    return std::string_view(text).substr(fields[first].begin, fields[last].end - fields[first].begin);
}

vector<Line> lines_of(const File& file, const Dialect& dialect) {
    vector<Line> lines;
    std::string_view text = file.text;
    int number = 1;
    while (!text.empty()) {
        Line line;
        line.number = number;
        bool too_long = false;
        number += take_line(text, line.text, dialect, too_long);
        if (too_long)
            refuse_line(file, line.number, "is too long");
        if (line.text.find('\0') != string::npos)
            refuse_line(file, line.number, "contains a zero byte");
        Splitter splitter(line.text, dialect);
        for (Field field = {}; splitter.take(field); field = {})
            line.fields.push_back(std::move(field));
        if (splitter.token_too_long())
            refuse_line(file, line.number, "contains a word that is too long");
        if (!line.fields.empty())
            lines.push_back(std::move(line));
    }
    return lines;
}

void refuse_line(const File& file, int number, const char* what) {
    throw Error(sqlstate::config_file_error, "line %d of \"%s\" %s", number, file.path.c_str(), what)
        .hint("The server would not load this file either: correct it first.");
}

} // namespace sessionctl::core::hba
