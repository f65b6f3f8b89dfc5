// NOLOGIN means now, and so does REVOKE CONNECT: pg_sessionctl.kick_on_nologin.
#pragma once

namespace sessionctl::hooks {

void install_nologin();

} // namespace sessionctl::hooks
