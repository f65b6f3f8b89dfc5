// The name of the process that carries out the rules, for itself and for the reaper, which starts it.
#pragma once

namespace sessionctl::pg {

constexpr char rules_name[] = "pg_sessionctl rules";
constexpr char rules_function[] = "sessionctl_rules_main";

} // namespace sessionctl::pg
