#include "pg/keep_out/gate_file.hpp"

#include "pg/durable_file.hpp"

#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace sessionctl::pg {

namespace {

// Relative: every server process works in the data directory.
constexpr char new_gate_file[] = "pg_sessionctl.gate.new";
constexpr char old_gate_file[] = "pg_sessionctl.gate.old";

/// On failure errno is set.
bool is_done(const FileFailure& failure) noexcept {
    errno = failure.why;
    return failure.what == nullptr;
}

bool write_beside(const core::GateState& state) noexcept {
    return is_done(write_new_file(new_gate_file, core::gate_file_of(state).view(), nullptr));
}

bool keep_old(const core::GateState& before) noexcept {
    if (!before.is_closed || !has_gate_file()) {
        forget_old_gate_file();
        return true;
    }
    return is_done(keep_file(gate_file_name, old_gate_file, core::gate_file_of(before).view(), nullptr));
}

} // namespace

bool write_gate_file(const core::GateState& next, const core::GateState& before) noexcept {
    // The write that needs space comes first: if it fails, an earlier change can still be undone.
    if (!write_beside(next))
        return false;
    if (keep_old(before) && rename(new_gate_file, gate_file_name) == 0)
        return true;
    const int why = errno;
    unlink(new_gate_file);
    forget_old_gate_file();
    errno = why;
    return false;
}

bool restore_gate_file(const core::GateState& before) noexcept {
    if (rename(old_gate_file, gate_file_name) == 0)
        return true;
    // There was no file, or it has been removed.
    if (before.is_closed && write_beside(before) && rename(new_gate_file, gate_file_name) == 0)
        return true;
    unlink(new_gate_file);
    return remove_gate_file();
}

void forget_old_gate_file() noexcept {
    unlink(old_gate_file);
}

bool remove_gate_file() noexcept {
    if (unlink(gate_file_name) != 0 && errno != ENOENT)
        return false;
    forget_old_gate_file();
    return true;
}

bool has_gate_file() noexcept {
    return access(gate_file_name, F_OK) == 0;
}

bool sync_gate_file() noexcept {
    return sync_directory(".");
}

GateFileFound find_gate_file(core::GateState& state) noexcept {
    unlink(new_gate_file);
    forget_old_gate_file();
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
