// Numbers in the session table where commands of the server report their progress.
#include "compat/postgres.hpp"

namespace sessionctl::compat {

#if PG_VERSION_NUM >= 90600 // 9.6: progress of commands
namespace {

/// Not one of core's commands: core's views ignore it.
constexpr int own_command = 0x5e5510;

int command_of(const PgBackendStatus& entry) noexcept {
    int command;
    static_assert(sizeof command == sizeof entry.st_progress_command);
    std::memcpy(&command, &entry.st_progress_command, sizeof command); // outside of the enumeration
    return command;
}

int own_command_now() {
    return command_of(const_cast<const PgBackendStatus&>(status_array().at(own_slot())));
}

} // namespace

void show_numbers(const int64* numbers, int count) {
    static constexpr int places[most_shown_numbers] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    if (own_command_now() == PROGRESS_COMMAND_INVALID)
        pgstat_progress_start_command(static_cast<ProgressCommandType>(own_command), InvalidOid);
    if (own_command_now() == own_command)
        pgstat_progress_update_multi_param(count, places, numbers);
}

void hide_numbers() {
    if (own_command_now() == own_command)
        pgstat_progress_end_command();
}

bool shown_numbers(const PgBackendStatus& entry, int64* numbers, int count) noexcept {
    static_assert(most_shown_numbers <= PGSTAT_NUM_PROGRESS_PARAM);
    if (command_of(entry) != own_command)
        return false;
    std::copy(entry.st_progress_param, entry.st_progress_param + count, numbers);
    return true;
}
#else
void show_numbers(const int64*, int) {}
void hide_numbers() {}
bool shown_numbers(const PgBackendStatus&, int64*, int) noexcept {
    return false;
}
#endif

} // namespace sessionctl::compat
