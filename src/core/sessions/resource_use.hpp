// What a process uses of the machine, as the files of /proc/<pid> and the names of temporary files tell it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sessionctl::core {

/// None of these functions answers for a text of another form.

/// From /proc/<pid>/statm: resident pages that are neither shared nor of a file (RssAnon in
/// /proc/<pid>/status, which costs the kernel more, and which it has only from 4.5 on).
std::optional<std::int64_t> private_pages(std::string_view statm) noexcept;

/// From /proc/<pid>/stat: user and system time, in clock ticks.
std::optional<std::int64_t> cpu_ticks(std::string_view stat) noexcept;

/// From /proc/<pid>/schedstat: how long it was ready to run while others did, in nanoseconds.
std::optional<std::int64_t> wait_for_processor(std::string_view schedstat) noexcept;

/// From /proc/<pid>/io: what the process caused to be read from storage, or written to it.
std::optional<std::int64_t> bytes_read(std::string_view io) noexcept;
std::optional<std::int64_t> bytes_written(std::string_view io) noexcept;

/// Of a temporary file, "pgsql_tmp<pid>.<number>", or of a directory of those that parallel processes share,
/// "pgsql_tmp<pid>.<number>.fileset".
std::optional<std::int32_t> creator_of_temporary_file(std::string_view name) noexcept;

} // namespace sessionctl::core
