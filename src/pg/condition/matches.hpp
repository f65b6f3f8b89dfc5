// The sessions for which a condition is true, as an execution finds them.
#pragma once

#include "pg/condition/condition.hpp"
#include "pg/condition/error.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace sessionctl::pg {

/// The values of the columns `per` of one session. Each is followed by a byte that occurs in no text, so that
/// different values give different groups.
class GroupText {
  public:
    GroupText() { initStringInfo(&text_); }
    void add(Datum value, bool is_null);
    std::string_view copy_in(MemoryContext memory) const;

  private:
    StringInfoData text_;
};

/// In memory that outlives the executor. Not a container: an allocation failure could not be thrown through
/// the executor's frames. Its functions may raise an ERROR.
class MatchList {
  public:
    /// In the current memory context.
    static MatchList* make();

    /// Errors: XX000 for a NULL.
    void add(Datum pid, bool is_null, std::string_view group);
    MemoryContext memory() const noexcept { return memory_; }
    core::vector<Match> matches() const { return core::vector<Match>(first_, first_ + count_); }

  private:
    MemoryContext memory_;
    Match* first_;
    std::size_t count_;
    std::size_t capacity_;
};

/// Runs the plan of a compiled condition. Call it inside pg::call.
void execute(PlannedStmt* plan, const Statement& statement, MatchList& matches);

} // namespace sessionctl::pg
