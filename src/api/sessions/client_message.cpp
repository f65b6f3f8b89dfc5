#include "api/sessions/client_message.hpp"

#include "pg/audit/log_line.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"

namespace sessionctl::api {

pg::ClientMessage client_message_of(const char* reason, Oid caller) {
    pg::ClientMessage client_message = {};
    if (reason == nullptr)
        return client_message;
    const core::string text = pg::kept_reason(reason);
    const char* const role = pg::call([caller] { return compat::role_name_or_null(caller); });
    core::string detail("Reason given by role \"");
    if (role != nullptr)
        detail.append(core::one_line(pg::kept_name(role), core::utf8));
    detail.append("\": ").append(text);
    pg::keep(client_message.detail, detail);
    return client_message;
}

} // namespace sessionctl::api
