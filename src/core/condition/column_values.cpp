#include "core/condition/column_values.hpp"

#include "core/sessions/protection.hpp"

namespace sessionctl::core {

vector<const char*> values_of_column(std::string_view column) {
    vector<const char*> values;
    if (column == "state")
        for (const State state :
             {State::active, State::idle, State::idle_in_transaction, State::idle_in_transaction_aborted,
              State::fastpath, State::disabled, State::starting})
            values.push_back(state_name(state));
    if (column == "protection")
        for (const Protection protection :
             {Protection::self, Protection::parallel_worker, Protection::not_a_client,
              Protection::background_process, Protection::replication, Protection::superuser,
              Protection::protected_role, Protection::permission_denied})
            values.push_back(protection_name(protection));
    return values;
}

string quoted_list(const vector<const char*>& values) {
    string list;
    for (const char* const value : values) {
        if (!list.empty())
            list.append(", ");
        list.append("'").append(value).append("'");
    }
    return list;
}

} // namespace sessionctl::core
