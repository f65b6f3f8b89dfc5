#include "core/condition/column_values.hpp"
#include "support.hpp"

namespace sessionctl::test {

TEST(ColumnValues, AreThoseThatSessionActivityShows) {
    EXPECT_EQ(core::quoted_list(core::values_of_column("state")),
              "'active', 'idle', 'idle in transaction', 'idle in transaction (aborted)', 'fastpath function "
              "call', 'disabled', 'starting'");
    EXPECT_EQ(core::quoted_list(core::values_of_column("protection")),
              "'self', 'parallel worker', 'not a client', 'background process', 'replication', 'superuser', "
              "'protected role', "
              "'permission denied'");
}

TEST(ColumnValues, AreNotKnownOfOtherColumns) {
    for (const char* const column : {"", "usename", "STATE", "state_change", "wait_event"})
        EXPECT_TRUE(core::values_of_column(column).empty()) << column;
}

TEST(QuotedList, HasNothingForNothing) {
    EXPECT_EQ(core::quoted_list({}), "");
    core::vector<const char*> one;
    one.push_back("a");
    EXPECT_EQ(core::quoted_list(one), "'a'");
}

} // namespace sessionctl::test
