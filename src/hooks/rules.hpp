// What other sessions do for the worker that carries out the rules: it leaves its database to commands that
// need it for themselves.
#pragma once

namespace sessionctl::hooks {

void install_rules();

} // namespace sessionctl::hooks
