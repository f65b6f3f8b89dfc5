#include "core/keep_out/replication_needs.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

string list_of(const vector<string>& names) {
    string list;
    for (const string& name : names) {
        list.append(list.empty() ? "" : ", ");
        list.append(name);
    }
    return list;
}

} // namespace

string ReplicationNeeds::quoted_name(std::string_view name) const {
    return in_quotes(clean_reason(name, encoding_));
}

void ReplicationNeeds::add_user(std::string_view role, std::string_view slot) {
    string name = quoted_name(role);
    auto user =
        std::find_if(users_.begin(), users_.end(), [&name](const User& each) { return each.role == name; });
    if (user == users_.end()) {
        users_.push_back({std::move(name), {}});
        user = users_.end() - 1;
    }
    if (!slot.empty())
        user->slots.push_back(quoted_name(slot));
}

void ReplicationNeeds::add_unused_slot(std::string_view slot) {
    unused_slots_.push_back(quoted_name(slot));
}

void ReplicationNeeds::add_candidate(std::string_view role) {
    candidates_.push_back(quoted_name(role));
}

bool ReplicationNeeds::empty() const noexcept {
    return users_.empty() && (unused_slots_.empty() || candidates_.empty());
}

string ReplicationNeeds::detail() const {
    string text;
    const char* separator = "";
    for (const User& user : users_) {
        text.append(separator).append("Role ").append(user.role);
        if (user.slots.empty())
            text.append(" synchronizes slots.");
        else
            text.append(user.slots.size() == 1 ? " uses slot " : " uses slots ")
                .append(list_of(user.slots))
                .append(".");
        separator = " ";
    }
    if (unused_slots_.empty() || candidates_.empty())
        return text;
    text.append(separator)
        .append(unused_slots_.size() == 1 ? "No process uses slot " : "No process uses slots ")
        .append(list_of(unused_slots_))
        .append(" now; roles that may: ")
        .append(list_of(candidates_))
        .append(".");
    return text;
}

} // namespace sessionctl::core
