#include "core/sessions/resource_use.hpp"

#include <gtest/gtest.h>

using namespace sessionctl;

TEST(ResourceUse, PrivatePagesAreResidentAndNotShared) {
    EXPECT_EQ(core::private_pages("52100 4380 3021 1744 0 987 0\n"), 1359);
    EXPECT_EQ(core::private_pages("7 5 5 1 0 1 0"), 0);
}

TEST(ResourceUse, ThereIsNoNegativeMemory) {
    EXPECT_EQ(core::private_pages("7 5 6 1 0 1 0"), std::nullopt); // the kernel's counters are approximate
}

TEST(ResourceUse, PagesOfAnotherText) {
    for (const char* const text :
         {"", "7", "7 5", "7 5 ", "7 x 5", "7 5 x", "-1 -5 -6", "7 99999999999999999999 1"})
        EXPECT_EQ(core::private_pages(text), std::nullopt) << text;
}

TEST(ResourceUse, CpuTimeIsUserAndSystemTime) {
    EXPECT_EQ(core::cpu_ticks("4711 (postgres) S 1 2 3 0 -1 4194560 1500 0 12 0 230 45 99 98 20 0 1 0 555"),
              275);
}

TEST(ResourceUse, ACommandNameMayLookLikeFields) {
    EXPECT_EQ(core::cpu_ticks("4711 (a) R 9 9 (b) S 1 2 3 0 -1 4194560 1500 0 12 0 230 45 99 98 20"), 275);
}

TEST(ResourceUse, CpuTimeOfAnotherText) {
    for (const char* const text :
         {"", "4711", "4711 (postgres", "4711 (postgres)", "4711 (postgres) ", "4711 (postgres) S 1 2 3",
          "4711 (postgres) S 1 2 3 0 -1 4194560 1500 0 12 0 230",
          "1 (p) S 1 2 3 0 -1 4194560 1500 0 12 0 x 45", "1 (p) S 1 2 3 0 -1 4194560 1500 0 12 0 230 -45"})
        EXPECT_EQ(core::cpu_ticks(text), std::nullopt) << text;
}

TEST(ResourceUse, WaitForAProcessor) {
    EXPECT_EQ(core::wait_for_processor("5000000 120 7\n"), 120);
    for (const char* const text : {"", "5000000", "5000000 ", "5000000 -1 7", "5000000 x 7"})
        EXPECT_EQ(core::wait_for_processor(text), std::nullopt) << text;
}

TEST(ResourceUse, InputAndOutput) {
    const char* const io = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5000\nwrite_bytes: 600\n"
                           "cancelled_write_bytes: 7\n";
    EXPECT_EQ(core::bytes_read(io), 5000);
    EXPECT_EQ(core::bytes_written(io), 600); // not the cancelled ones
}

TEST(ResourceUse, InputAndOutputOfAnotherText) {
    for (const char* const text :
         {"", "rchar: 1\n", "read_bytes: \nwrite_bytes:", "read_bytes: -1\nwrite_bytes: x\n",
          "xread_bytes: 1\ncancelled_write_bytes: 7\n"}) {
        EXPECT_EQ(core::bytes_read(text), std::nullopt) << text;
        EXPECT_EQ(core::bytes_written(text), std::nullopt) << text;
    }
}

TEST(ResourceUse, CreatorOfATemporaryFile) {
    EXPECT_EQ(core::creator_of_temporary_file("pgsql_tmp4711.0"), 4711);
    EXPECT_EQ(core::creator_of_temporary_file("pgsql_tmp4711.12.sharedfileset"), 4711); // 11 to 14
    EXPECT_EQ(core::creator_of_temporary_file("pgsql_tmp4711.3.fileset"), 4711);
    EXPECT_EQ(core::creator_of_temporary_file("pgsql_tmp2147483647.0"), 2147483647);
}

TEST(ResourceUse, FilesOfNobody) {
    for (const char* const name :
         {"", ".", "..", "pgsql_tmp", "pgsql_tmp.0", "pgsql_tmp4711", "pgsql_tmp4711x.0", "pgsql_tmp 4711.0",
          "pgsql_tmp-4711.0", "pgsql_tmp0.0", "pgsql_tmp2147483648.0", "pg_tmp4711.0", "t3_16384"})
        EXPECT_EQ(core::creator_of_temporary_file(name), std::nullopt) << name;
}
