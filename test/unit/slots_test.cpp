#include "core/admission/slots.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::SlotRight;
using core::SlotSettings;

namespace {

constexpr SlotRight ordinary_right = {false, false, false};

SlotSettings slots_of(int reserved, int free = 0) {
    return {100, 3, reserved, free};
}

} // namespace

TEST(Slots, WithoutAReserveCoreDecidesAlone) {
    EXPECT_TRUE(core::may_take_slot(slots_of(0), 0, ordinary_right));
}

TEST(Slots, TheLastOnesAreReserved) {
    for (int free = 0; free < 20; ++free) {
        EXPECT_EQ(core::may_take_slot(slots_of(5), free, ordinary_right), free >= 8) << free;
        EXPECT_TRUE(core::may_take_slot(slots_of(5), free, {true, false, false})) << "a superuser";
        EXPECT_TRUE(core::may_take_slot(slots_of(5), free, {false, true, false})) << "core looks again";
        EXPECT_TRUE(core::may_take_slot(slots_of(5), free, {false, false, true}))
            << "who may use the last ones of all";
    }
}

TEST(Slots, OnlyAdmittedSessionsAreEndedForFreeOnes) {
    EXPECT_EQ(core::sessions_to_end(slots_of(0), 100), 0) << "off";
    EXPECT_EQ(core::sessions_to_end(slots_of(0, 4), 93), 0);
    EXPECT_EQ(core::sessions_to_end(slots_of(0, 4), 94), 1);
    EXPECT_EQ(core::sessions_to_end(slots_of(0, 4), 97), 4);
    EXPECT_EQ(core::sessions_to_end(slots_of(5, 4), 88), 0);
    EXPECT_EQ(core::sessions_to_end(slots_of(5, 4), 89), 1) << "the reserved ones are none of them";
    EXPECT_EQ(core::sessions_to_end(slots_of(0, 4), 100), 7) << "superusers have the reserved ones";
    EXPECT_EQ(core::sessions_to_end(slots_of(0, 4), 0), 0) << "the others are not authenticated";
    EXPECT_EQ(core::sessions_to_end(slots_of(90, 50), 5), 5) << "no more than there are";
}

} // namespace sessionctl::test
