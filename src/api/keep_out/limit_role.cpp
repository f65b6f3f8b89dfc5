// limit_role: sets a connection limit, and counts or ends the sessions above it.

#include "api/keep_out/lockdown.hpp"
#include "api/serve.hpp"
#include "api/sessions/options.hpp"
#include "core/error.hpp"
#include "pg/audit/audit_transaction.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/keep_out/login_lock.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/progress.hpp"

extern "C" {
#include "utils/acl.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;

namespace {

constexpr std::int32_t unlimited = -1;

std::int32_t checked_limit(std::int32_t sessions) {
    if (sessions < unlimited)
        throw core::Error(core::sqlstate::invalid_parameter_value, "invalid connection limit: %d",
                          static_cast<int>(sessions))
            .hint("Use 0 or more, or -1 to remove the limit.");
    return sessions;
}

void warn_of_superuser(const char* role, Oid oid) {
    const pg::ShownName shown(role);
    pg::call([=, &shown] {
        if (superuser_arg(oid))
            ereport(WARNING,
                    (errmsg("connection limits are not enforced for role \"%s\" because it is a superuser",
                            shown.text())));
    });
}

void keep_in_audit(const char* role, std::int32_t limit, const char* reason) {
    pg::AuditRecord record = pg::AuditRecord::by_caller("limit_role", "set");
    pg::LogLine details;
    details.add("connection_limit", limit);
    record.role.set(role);
    record.details.set(details.pairs());
    record.set_field(record.reason, reason);
    pg::keep_at_commit(record);
}

std::int64_t connected(Oid role) {
    const pg::Roster roster = pg::Roster::take();
    return std::count_if(roster.entries.begin(), roster.entries.end(), [role](const pg::RosterEntry& entry) {
        return entry.role == role && entry.facts.kind == core::Kind::client;
    });
}

} // namespace

SQL_FUNCTION(sessionctl_limit_role)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        const char* const role = arguments.text("role");
        const std::int32_t limit = checked_limit(arguments.integer("sessions"));
        const bool terminate = arguments.boolean("terminate");
        Request request;
        request.guards.keep_which = core::checked_keep_which(arguments.text("keep_which"));
        api::read_wait(arguments, request);
        const Oid oid = pg::call([role] { return get_role_oid(role, false); }); // 42704
        pg::require_primary("limit_role");
        const pg::Progress progress(core::Call::limit_role);
        pg::alter_limit(pg::Lockable::role, role, limit);
        api::require_altered(pg::Lockable::role, role, oid);
        keep_in_audit(role, limit, request.reason);
        if (limit == unlimited)
            return Int64GetDatum(0);
        warn_of_superuser(role, oid);
        if (terminate) {
            request.guards.keep = limit;
            api::terminate(request, "usesysid = $1", api::oid_value(oid));
        }
        return Int64GetDatum(std::max<std::int64_t>(connected(oid) - limit, 0));
    });
}
