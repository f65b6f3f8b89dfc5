#include "core/keep_out/replication_needs.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::Encoding;
using core::ReplicationNeeds;

TEST(ReplicationNeeds, NoRoleIsNeeded) {
    ReplicationNeeds needs(Encoding::utf8);
    EXPECT_TRUE(needs.empty());
    EXPECT_EQ(str(needs.detail()), "");
}

TEST(ReplicationNeeds, NamesEachRoleOnceWithItsSlots) {
    ReplicationNeeds needs(Encoding::utf8);
    needs.add_user("repl", "");
    needs.add_user("standby", "");
    needs.add_user("repl", "shop");
    EXPECT_FALSE(needs.empty());
    EXPECT_EQ(str(needs.detail()), "Role \"repl\" uses slot \"shop\". Role \"standby\" synchronizes slots.");
    needs.add_user("repl", "stock");
    EXPECT_EQ(str(needs.detail()),
              "Role \"repl\" uses slots \"shop\", \"stock\". Role \"standby\" synchronizes slots.");
}

TEST(ReplicationNeeds, NamesRolesThatMayUseASlot) {
    ReplicationNeeds needs(Encoding::utf8);
    needs.add_unused_slot("shop");
    EXPECT_TRUE(needs.empty()) << "nobody who may is refused";
    EXPECT_EQ(str(needs.detail()), "");
    needs.add_candidate("repl");
    EXPECT_FALSE(needs.empty());
    EXPECT_EQ(str(needs.detail()), "No process uses slot \"shop\" now; roles that may: \"repl\".");
    needs.add_unused_slot("stock");
    needs.add_candidate("other");
    needs.add_user("third", "feed");
    EXPECT_EQ(str(needs.detail()),
              "Role \"third\" uses slot \"feed\". No process uses slots \"shop\", \"stock\" "
              "now; roles that may: \"repl\", \"other\".");
}

TEST(ReplicationNeeds, ACandidateWithoutASlotIsNotNeeded) {
    ReplicationNeeds needs(Encoding::utf8);
    needs.add_candidate("repl");
    EXPECT_TRUE(needs.empty());
}

TEST(ReplicationNeeds, NamesAreOneLine) {
    ReplicationNeeds needs(Encoding::utf8);
    needs.add_user("a\nFATAL:  \"b\"", "");
    EXPECT_EQ(str(needs.detail()), "Role \"a FATAL: \"\"b\"\"\" synchronizes slots.");
}

} // namespace sessionctl::test
