#include "worker/exemptions.hpp"

#include "pg/settings.hpp"

namespace sessionctl::worker {

bool is_exempt(const pg::RosterEntry& entry) {
    if (entry.facts.is_superuser && !pg::reap_superusers_setting())
        return true;
    return entry.facts.is_protected || pg::is_exempt_role(entry.role) ||
           (entry.database_name != nullptr && pg::is_exempt_database(entry.database_name)) ||
           pg::is_exempt_application(entry.application_name);
}

} // namespace sessionctl::worker
