// Tells the client why its session ends.
#pragma once

namespace sessionctl::hooks {

/// Called while the library is preloaded.
void install_client_message();

} // namespace sessionctl::hooks
