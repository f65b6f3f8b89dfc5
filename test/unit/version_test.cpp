#include "core/version.hpp"
#include "support.hpp"

#include <iterator>

namespace sessionctl::test {

using core::compare_versions;

TEST(Versions, AreComparedNumberByNumber) {
    const char* const ascending[] = {"",    "0.9", "1",    "1.0", "1.0.1", "1.1",
                                     "1.2", "1.9", "1.10", "2.0", "10.0"};
    for (std::size_t a = 0; a < std::size(ascending); ++a)
        for (std::size_t b = 0; b < std::size(ascending); ++b) {
            const int order = compare_versions(ascending[a], ascending[b]);
            EXPECT_EQ(order < 0, a < b) << ascending[a] << " and " << ascending[b];
            EXPECT_EQ(order > 0, a > b) << ascending[a] << " and " << ascending[b];
        }
}

TEST(Versions, SurviveWhatIsNoVersion) {
    for (const char* const text : {"x", "...", "1..", "1.0dev", "99999999999999999999999999", "-1"}) {
        EXPECT_EQ(compare_versions(text, text), 0) << text;
        EXPECT_NE(compare_versions(text, "2.0"), 0) << text;
    }
}

TEST(Versions, ThatAreEqualPass) {
    core::require_equal_versions("1.10", "1.10");
}

TEST(Versions, AnOlderScriptIsToBeUpdated) {
    const core::Error error = error_of([] { core::require_equal_versions("1.10", "1.9"); });
    EXPECT_STREQ(error.sqlstate(), "55000");
    EXPECT_NE(std::string(error.what()).find("library of pg_sessionctl is version 1.10"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("in this database are version 1.9"), std::string::npos);
    EXPECT_STREQ(error.hint(), "Run ALTER EXTENSION pg_sessionctl UPDATE.");
}

TEST(Versions, AnOlderLibraryIsToBeReplaced) {
    const core::Error error = error_of([] { core::require_equal_versions("1.9", "1.10"); });
    EXPECT_STREQ(error.sqlstate(), "55000");
    EXPECT_NE(std::string(error.hint()).find("Install the library of version 1.10"), std::string::npos);
}

TEST(Versions, KnowHowAnArgumentIsNamed) {
    EXPECT_STREQ(core::argument_sign(90426), ":=");
    EXPECT_STREQ(core::argument_sign(90500), "=>");
    EXPECT_STREQ(core::argument_sign(200000), "=>");
}

} // namespace sessionctl::test
