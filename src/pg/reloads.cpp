#include "pg/reloads.hpp"

#include "pg/shared_memory.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace sessionctl::pg {

namespace {

std::int64_t changes_known = 0; // a new process has what the postmaster knew

} // namespace

void note_new_setting() noexcept {
    if (SharedMemory* const shared = IsUnderPostmaster ? nullptr : shared_memory())
        changes_known = ++shared->setting_changes;
}

void forget_new_settings() noexcept {
    changes_known = 0;
}

bool has_missed_reload() noexcept {
    const SharedMemory* const shared = shared_memory();
    return shared == nullptr || shared->setting_changes != changes_known;
}

} // namespace sessionctl::pg
