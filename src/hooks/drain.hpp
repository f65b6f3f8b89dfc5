// The side of the session that is asked to leave: it ends where its transaction does.
#pragma once

namespace sessionctl::hooks {

void install_drain();

} // namespace sessionctl::hooks
