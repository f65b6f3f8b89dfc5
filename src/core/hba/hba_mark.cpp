#include "core/hba/hba_mark.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

namespace sessionctl::core::hba {

namespace {

constexpr std::string_view begins = "# >>> pg_sessionctl lockdown";
constexpr std::string_view ends = "# <<< pg_sessionctl lockdown";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Up to 13 a line may have 8190 bytes, comments too, and a byte may take four when it is written.
constexpr std::size_t longest_value = 400;

struct Value {
    const char* word;
    string Mark::*member;
};
constexpr Value values[] = {
    {"by", &Mark::by}, {"at", &Mark::at}, {"until", &Mark::until}, {"reason", &Mark::reason}};

bool starts_with(std::string_view text, std::string_view start) noexcept {
    return text.substr(0, start.size()) == start;
}

[[noreturn]] void refuse_damaged(int line, const char* what) {
    throw Error(sqlstate::config_file_error, "line %d %s", line, what)
        .detail("The lines of a lockdown stand between \"%s\" and \"%s\".", begins.data(), ends.data())
        .hint("Remove the remaining lines by hand, then reload the configuration.");
}

std::size_t end_of_line(std::string_view text, std::size_t from) noexcept {
    const std::size_t newline = text.find('\n', from);
    return newline == std::string_view::npos ? text.size() : newline + 1;
}

/// Undoes quoted(): reads one such field off the front of `text`. False where there is none.
bool take_quoted(std::string_view& text, string& value) {
    if (text.empty() || text.front() != '"')
        return false;
    for (text.remove_prefix(1); !text.empty(); text.remove_prefix(1)) {
        char c = text.front();
        if (c == '"') {
            text.remove_prefix(1);
            return true;
        }
        if (c == '\\' && text.size() > 1) {
            text.remove_prefix(1);
            c = text.front();
            if (c == 'x' && text.size() > 2) {
                const auto digit = [](char d) { return d <= '9' ? d - '0' : d - 'a' + 10; };
                c = static_cast<char>(digit(text[1]) * 16 + digit(text[2]));
                text.remove_prefix(2);
            }
        }
        value.push_back(c);
    }
    return false;
}

bool take(std::string_view& text, std::string_view start) noexcept {
    const bool taken = starts_with(text, start);
    if (taken)
        text.remove_prefix(start.size());
    return taken;
}

} // namespace

std::optional<Block> find_block(std::string_view text) {
    std::optional<Block> block;
    bool open = false;
    int number = 0;
    // An editor may have put a byte order mark before the block; it is not ours to remove.
    std::size_t next = starts_with(text, byte_order_mark) ? byte_order_mark.size() : 0;
    while (next < text.size()) {
        const std::size_t start = next;
        next = end_of_line(text, start);
        ++number;
        const std::string_view line = text.substr(start, next - start);
        if (starts_with(line, begins)) {
            if (block)
                refuse_damaged(number, "begins a second lockdown");
            block = Block{start, 0};
            open = true;
        } else if (starts_with(line, ends)) {
            if (!open)
                refuse_damaged(number, "ends a lockdown that has no beginning");
            block->end = next;
            open = false;
        }
    }
    if (open)
        refuse_damaged(number, "is the last, and a lockdown that began has no end");
    return block;
}

string first_line(const Mark& mark) {
    string line(begins);
    for (const Value& value : values) {
        const string& text = mark.*value.member;
        if (text.empty())
            continue;
        line.append(" ");
        line.append(value.word);
        line.append(" ");
        line.append(quoted(std::string_view(text).substr(0, clipped_length(text, longest_value))));
    }
    return line;
}

string last_line() {
    return string(ends);
}

Mark read_mark(std::string_view block) {
    Mark mark;
    if (!take(block, begins))
        return mark;
    for (const Value& value : values) {
        std::string_view rest = block;
        string text;
        if (take(rest, " ") && take(rest, value.word) && take(rest, " ") && take_quoted(rest, text)) {
            mark.*value.member = std::move(text);
            block = rest;
        }
    }
    return mark;
}

} // namespace sessionctl::core::hba
