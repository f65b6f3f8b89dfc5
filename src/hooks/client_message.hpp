// Adds the reason to the client's error message when its session is terminated.
#pragma once

namespace sessionctl::hooks {

/// Called while the library is preloaded.
void install_client_message();

} // namespace sessionctl::hooks
