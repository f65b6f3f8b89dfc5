// The session rules as their worker holds them: read from the table, and read again when they have changed.
#pragma once

#include "worker/rules/loaded_rule.hpp"

namespace sessionctl::worker {

class LoadedRules {
  public:
    using Rules = core::vector<std::unique_ptr<LoadedRule>>; // by name

    bool must_read() const noexcept;
    /// A standby looks from time to time, and a locked table is tried again.
    core::Timestamp next_read() const noexcept { return next_read_; }
    /// False if there is no rule to be checked. Rules whose rows are still the same keep all that is known of
    /// their sessions. If somebody has locked the table, the rules stay as they are.
    bool read();

    /// The table that was read; invalid: none.
    Oid table() const noexcept { return table_; }
    Rules::const_iterator begin() const noexcept { return rules_.begin(); }
    Rules::const_iterator end() const noexcept { return rules_.end(); }
    LoadedRule& operator[](std::size_t place) const noexcept { return *rules_[place]; }

  private:
    /// False if the table is locked.
    bool read_table();
    void put_off_reading();
    void replace(const core::vector<pg::RuleRow>& rows);

    Rules rules_;
    std::int64_t changes_ = -1; // SharedRules::changes when the rules were read
    Oid table_ = InvalidOid;
    core::Timestamp next_read_ = INT64_MAX;
    core::Timestamp unread_since_ = 0; // the table is locked; 0: it is not
    bool is_lock_told_ = false;
    bool is_start_told_ = false;
};

} // namespace sessionctl::worker
