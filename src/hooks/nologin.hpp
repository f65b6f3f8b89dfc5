// NOLOGIN means now, and so does REVOKE CONNECT: pg_sessionctl.terminate_on_login_revoked.
#pragma once

namespace sessionctl::hooks {

void install_nologin();

} // namespace sessionctl::hooks
