// Refuses logins, or lets them wait, while the server is locked down.
#pragma once

namespace sessionctl::hooks {

/// Called while the library is preloaded.
void install_gate();

} // namespace sessionctl::hooks
