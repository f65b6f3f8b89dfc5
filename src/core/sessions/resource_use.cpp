#include "core/sessions/resource_use.hpp"

#include <charconv>

namespace sessionctl::core {

namespace {

template <typename Number>
std::optional<Number> leading_number(std::string_view text) noexcept {
    Number number;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0)
        return {};
    return number;
}

/// From field `index` (from 0) of a text whose fields are separated by single spaces; empty if there is none.
std::string_view from_field(std::string_view text, int index) noexcept {
    for (; index > 0; --index) {
        const std::size_t space = text.find(' ');
        if (space == std::string_view::npos)
            return {};
        text.remove_prefix(space + 1);
    }
    return text;
}

std::optional<std::int64_t> field(std::string_view text, int index) noexcept {
    return leading_number<std::int64_t>(from_field(text, index));
}

/// What follows this label at the beginning of a line; empty if there is none.
std::string_view after_label(std::string_view text, std::string_view label) noexcept {
    for (;;) {
        if (text.substr(0, label.size()) == label)
            return text.substr(label.size());
        const std::size_t line_end = text.find('\n');
        if (line_end == std::string_view::npos)
            return {};
        text.remove_prefix(line_end + 1);
    }
}

std::optional<std::int64_t> labelled(std::string_view text, std::string_view label) noexcept {
    return leading_number<std::int64_t>(after_label(text, label));
}

} // namespace

std::optional<std::int64_t> private_pages(std::string_view statm) noexcept {
    const auto resident = field(statm, 1);
    const auto shared = field(statm, 2);
    if (!resident || !shared || *resident < *shared)
        return {};
    return *resident - *shared;
}

std::optional<std::int64_t> cpu_ticks(std::string_view stat) noexcept {
    const std::size_t name_end = stat.rfind(") "); // the command name may contain anything
    if (name_end == std::string_view::npos)
        return {};
    stat.remove_prefix(name_end + 2);
    const auto user = field(stat, 11);
    const auto system = field(stat, 12);
    if (!user || !system)
        return {};
    return *user + *system;
}

std::optional<std::int64_t> wait_for_processor(std::string_view schedstat) noexcept {
    return field(schedstat, 1);
}

std::optional<std::int64_t> bytes_read(std::string_view io) noexcept {
    return labelled(io, "read_bytes: ");
}

std::optional<std::int64_t> bytes_written(std::string_view io) noexcept {
    return labelled(io, "write_bytes: ");
}

std::optional<std::int32_t> creator_of_temporary_file(std::string_view name) noexcept {
    constexpr std::string_view prefix = "pgsql_tmp";
    if (name.substr(0, prefix.size()) != prefix)
        return {};
    name.remove_prefix(prefix.size());
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos)
        return {};
    std::int32_t pid;
    const auto [end, error] = std::from_chars(name.data(), name.data() + dot, pid);
    if (error != std::errc() || end != name.data() + dot || pid <= 0)
        return {};
    return pid;
}

} // namespace sessionctl::core
