// The drain in the session that is asked to end: it ends after its transaction.
#pragma once

namespace sessionctl::hooks {

void install_drain();

} // namespace sessionctl::hooks
