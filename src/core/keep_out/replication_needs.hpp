// The roles that logical replication needs and a lockdown refuses: as long as they can't log in, the server
// keeps the WAL that their slots have not sent, until its disk is full.
#pragma once

#include "core/text.hpp"

namespace sessionctl::core {

class ReplicationNeeds {
  public:
    /// Of the names.
    explicit ReplicationNeeds(Encoding encoding) noexcept : encoding_(encoding) {}

    /// A role that is refused, with the slot that it uses; empty: it synchronizes slots.
    void add_user(std::string_view role, std::string_view slot);
    void add_unused_slot(std::string_view slot);
    /// A role that is refused and could use any slot.
    void add_candidate(std::string_view role);

    /// Replication needs no refused role.
    bool empty() const noexcept;
    /// One line.
    string detail() const;

  private:
    struct User {
        string role;
        vector<string> slots;
    };

    string quoted_name(std::string_view name) const;

    const Encoding encoding_;
    vector<User> users_;
    vector<string> unused_slots_;
    vector<string> candidates_;
};

} // namespace sessionctl::core
