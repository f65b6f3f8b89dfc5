#include "pg/gate_file.hpp"

#include "pg/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sessionctl::pg {

namespace {

constexpr char new_gate_file[] = "pg_sessionctl.gate.new";

bool write_beside(const core::GateFile& file) noexcept {
    const int beside = open(new_gate_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    return beside >= 0 && sync_and_close(beside, write_all(beside, file.text, file.length));
}

} // namespace

bool write_gate_file(const core::GateState& state) noexcept {
    const bool is_changed = state.is_closed ? write_beside(core::gate_file_of(state)) &&
                                                  rename(new_gate_file, gate_file_name) == 0
                                            : unlink(gate_file_name) == 0 || errno == ENOENT;
    // Every process of the server works in the data directory.
    return is_changed && sync_directory(".");
}

GateFileFound find_gate_file(core::GateState& state) noexcept {
    unlink(new_gate_file); // of a crash before the rename
    const int file = open(gate_file_name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? GateFileFound::none : GateFileFound::damaged;
    char text[core::GateFile::largest];
    const ssize_t length = read_all(file, text, sizeof text);
    close(file);
    return length >= 0 && core::read_gate_file({text, static_cast<std::size_t>(length)}, state)
               ? GateFileFound::sound
               : GateFileFound::damaged;
}

} // namespace sessionctl::pg
