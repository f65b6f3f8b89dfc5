// NOLOGIN and REVOKE CONNECT end sessions, too: pg_sessionctl.terminate_on_login_revoked.
#pragma once

namespace sessionctl::hooks {

void install_login_revoked();

} // namespace sessionctl::hooks
