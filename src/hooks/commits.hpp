// Sessions tell when they commit, so that no signal of what acts by itself comes into a commit.
#pragma once

namespace sessionctl::hooks {

void install_commits();

} // namespace sessionctl::hooks
