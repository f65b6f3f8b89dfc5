// A process that the postmaster has just started ignores SIGHUP until it has a handler of its own, and misses
// a reload that comes by then.
#pragma once

namespace sessionctl::pg {

/// Called by assign hooks: one of our settings has another value. The postmaster counts that.
void note_new_setting() noexcept;
/// The postmaster has made the shared memory anew, with no changes yet.
void forget_new_settings() noexcept;
/// Has a setting changed since this process was started? Ask once there is a handler.
bool has_missed_reload() noexcept;

} // namespace sessionctl::pg
