#include "core/text.hpp"
#include "support.hpp"
#include "text_properties.hpp"

#include <random>
#include <vector>

namespace sessionctl::test {

using namespace std::string_literals;
using namespace std::string_view_literals;
using core::clipped_length;

namespace {

std::string clean(std::string_view text) {
    return str(core::clean_reason(text));
}
std::string quoted(std::string_view text) {
    return str(core::quoted(text));
}

using Names = std::vector<std::string>;

/// The names in a list, or "refused" alone where it is refused.
Names names_in(std::string_view list) {
    core::vector<core::string> names;
    if (!core::parse_names(list, names))
        return {"refused"};
    Names result;
    for (const core::string& name : names)
        result.push_back(str(name));
    return result;
}

void expect_matches(std::string_view pattern, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        EXPECT_TRUE(core::matches(pattern, name)) << pattern << ", " << name;
}
void expect_no_matches(std::string_view pattern, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        EXPECT_FALSE(core::matches(pattern, name)) << pattern << ", " << name;
}

} // namespace

TEST(ClippedLength, LeavesAloneWhatFits) {
    EXPECT_EQ(clipped_length("", 0), 0u);
    EXPECT_EQ(clipped_length("abc", 3), 3u);
    EXPECT_EQ(clipped_length("abc", 100), 3u);
    EXPECT_EQ(clipped_length("äö", 4), 4u);
}

TEST(ClippedLength, CutsPlainTextAtTheLimit) {
    EXPECT_EQ(clipped_length("abcdef", 3), 3u);
    EXPECT_EQ(clipped_length("abcdef", 0), 0u);
}

TEST(ClippedLength, NeverCutsACharacter) {
    for (const std::string_view character : {"é"sv, "€"sv, "𝄞"sv}) {
        const std::string text = "ab" + std::string(character) + "c";
        for (std::size_t limit = 2; limit < 2 + character.size(); ++limit)
            EXPECT_EQ(clipped_length(text, limit), 2u) << character << " at " << limit;
        EXPECT_EQ(clipped_length(text, 2 + character.size()), 2 + character.size()) << character;
    }
}

TEST(ClippedLength, EndsOnContinuationBytesAlone) {
    EXPECT_EQ(clipped_length("\x80\x80\x80\x80", 2), 0u);
}

TEST(CleanReason, KeepsOrdinaryText) {
    for (const std::string text : {"", "nightly \"maintenance\", Bob's \\ ticket #1", "Grüße, 日本, 𝄞, …",
                                   "no\u00A0break", "می\u200Cخواهم, 👩\u200D🔧"})
        EXPECT_EQ(clean(text), text);
}

TEST(CleanReason, FoldsWhiteSpace) {
    EXPECT_EQ(clean("one\ntwo\r\nthree\t\v\ffour  five"), "one two three four five");
    EXPECT_EQ(clean("one\u2028two\u2029three"), "one two three");
    EXPECT_EQ(clean("\n\t  ends \r\n"), "ends");
    EXPECT_EQ(clean(" \n\t"), "");
}

TEST(CleanReason, DropsControlCharacters) {
    EXPECT_EQ(clean("a\x01z\x7F"), "az");
    EXPECT_EQ(clean("pay\u202Elasol\u202C, \u2066now\u2069, za\u200Bp\uFEFF, \u061Cx\u200E"),
              "paylasol, now, zap, x");
    EXPECT_EQ(clean("nul\0nul"sv), "nulnul");
    EXPECT_EQ(clean("\x1B[31mred\x1B[0m"), "[31mred[0m");
    EXPECT_EQ(clean("c1\u0080\u009Bc1\u009F"), "c1c1");
    EXPECT_EQ(clean("a \x07 b"), "a b");
}

TEST(CleanReason, LeavesBrokenCharactersAlone) {
    for (const std::string text : {"cut\xC2", "cut\xE2\x80"})
        EXPECT_EQ(clean(text), text);
}

// Elsewhere such bytes are characters of their own, or halves of others.
TEST(CleanReason, KnowsControlCharactersOfSeveralBytesOnlyInUtf8) {
    EXPECT_EQ(str(core::clean_reason("a\xC2\x85z", core::Encoding::other)), "a\xC2\x85z");
    EXPECT_EQ(str(core::clean_reason("a\xE2\x80\xA8z", core::Encoding::other)), "a\xE2\x80\xA8z");
    EXPECT_EQ(str(core::clean_reason("a\nb\x1B\x7Fz", core::Encoding::other)), "a bz");
}

TEST(CleanReason, HasNoLimitOfItsOwn) {
    EXPECT_EQ(clean(std::string(10 * 1024, 'x')).size(), 10u * 1024);
    EXPECT_EQ(clean(std::string(10 * 1024, '\n')), "");
}

TEST(Quoted, IsOneField) {
    for (const char* const text : {"", "psql", "Grüße \u2026"})
        EXPECT_EQ(quoted(text), '"' + std::string(text) + '"');
    EXPECT_EQ(quoted("a\" reason=\"b"), "\"a\\\" reason=\\\"b\"");
    EXPECT_EQ(quoted("ends in \\"), "\"ends in \\\\\"");
}

TEST(Quoted, EscapesControlCharacters) {
    EXPECT_EQ(quoted("a\nLOG:  forged"), "\"a\\x0aLOG:  forged\"");
    EXPECT_EQ(quoted("\0"sv), "\"\\x00\"");
    EXPECT_EQ(quoted("\x7F\u009B\u2028"), "\"\\x7f\\xc2\\x9b\\xe2\\x80\\xa8\"");
}

TEST(Quoted, EscapesControlCharactersOfSeveralBytesOnlyInUtf8) {
    EXPECT_EQ(str(core::quoted("\xC2\x85\xE2\x80\xA8\n\"", core::Encoding::other)),
              "\"\xC2\x85\xE2\x80\xA8\\x0a\\\"\"");
}

TEST(ParseNames, ReadsLists) {
    EXPECT_EQ(names_in(""), Names{});
    EXPECT_EQ(names_in(" \t\n "), Names{});
    EXPECT_EQ(names_in("app"), Names{"app"});
    EXPECT_EQ(names_in("app,batch"), (Names{"app", "batch"}));
    EXPECT_EQ(names_in("  app ,\tbatch\n"), (Names{"app", "batch"}));
}

TEST(ParseNames, FoldsNothing) {
    EXPECT_EQ(names_in("Regina, REGINA"), (Names{"Regina", "REGINA"}));
    EXPECT_EQ(names_in("two words, Größe"), (Names{"two words", "Größe"}));
    const std::string longer_than_a_name(100, 'x');
    EXPECT_EQ(names_in(longer_than_a_name), Names{longer_than_a_name});
}

TEST(ParseNames, ReadsQuotedNames) {
    EXPECT_EQ(names_in("\"a,b\", \" padded \" ,\"\"\"\""), (Names{"a,b", " padded ", "\""}));
    EXPECT_EQ(names_in("\"say \"\"hi\"\"\""), Names{"say \"hi\""});
    EXPECT_EQ(names_in("it's, \\"), (Names{"it's", "\\"}));
}

TEST(ParseNames, RefusesWrongSyntax) {
    for (const std::string_view list :
         {","sv, "a,"sv, ",a"sv, "a,,b"sv, "a, ,b"sv, "\"\""sv, "a,\"\""sv, "\""sv, "\"open"sv,
          "\"open\"\""sv, "a\"b"sv, "a\"b\""sv, "\"a\"b"sv, "\"a\"\"b"sv, "\"a\" \"b\""sv, "\"a\","sv})
        EXPECT_EQ(names_in(list), Names{"refused"}) << list;
}

TEST(ParseNames, SurvivesHostileInput) {
    EXPECT_EQ(names_in(std::string(100000, ',')), Names{"refused"});
    EXPECT_EQ(names_in(std::string(100001, '"')), Names{"refused"});
    EXPECT_EQ(names_in("a\0b"sv), (Names{"a\0b"s}));
    EXPECT_EQ(names_in("\xFF\xC2, \x80"), (Names{"\xFF\xC2", "\x80"}));
    std::string many = "n";
    for (int i = 1; i < 10000; ++i)
        many += ",n";
    EXPECT_EQ(names_in(many).size(), 10000u);
}

TEST(Matches, WholeNames) {
    expect_matches("app", {"app"});
    expect_matches("", {""});
    expect_no_matches("app", {"App", "app2", "my app", "", "app\0"sv});
    expect_no_matches("app2", {"app"});
    expect_no_matches("", {"app"});
    EXPECT_TRUE(core::matches("*"sv.substr(1), "")) << "what stands before an empty pattern is not its star";
}

TEST(Matches, PatternThatEndsInAStar) {
    expect_matches("app*", {"app", "app2", "app*"});
    expect_no_matches("app*", {"ap", "App2", "my app"});
    expect_matches("*", {"", "anything"});
}

TEST(Matches, StarElsewhereIsLiteral) {
    expect_matches("a*b", {"a*b"});
    expect_no_matches("a*b", {"axb"});
    expect_no_matches("*b", {"ab"});
    expect_matches("a**", {"a*b"});
    expect_no_matches("a**", {"ab"});
    expect_no_matches("a?", {"ab"});
}

TEST(InQuotes, DoublesTheQuotesInANameAndNothingElse) {
    EXPECT_EQ(str(core::in_quotes("")), "\"\"");
    EXPECT_EQ(str(core::in_quotes("Shop \\ \"1\"")), "\"Shop \\ \"\"1\"\"\"");
}

namespace {

/// Tries random texts put together from these parts. The seed is fixed, so that a failure can be repeated.
void expect_properties(const std::vector<std::string_view>& parts) {
    std::mt19937 random(20250101);
    for (int i = 0; i < 30000; ++i) {
        std::string text;
        for (auto length = random() % 24; length > 0; --length)
            text += parts[random() % parts.size()];
        const char* const violated = violated_by_any(text);
        ASSERT_EQ(violated, nullptr) << violated << ": " << testing::PrintToString(text);
    }
}

} // namespace

TEST(TextProperties, HoldForRandomText) {
    expect_properties({"\0"sv,   "\n",     "\r",     "\t",     "\x1B",   "\x7F",   " ",      "\"",
                       "\\",     ",",      "x",      "ab",     "\u0085", "\u009B", "\u00A0", "é",
                       "\u2028", "\u202E", "\u200D", "\u061C", "\uFEFF", "…",      "€",      "𝄞"});
}

TEST(TextProperties, HoldForRandomBytes) {
    expect_properties({"\0"sv, "\n",   "\x01", "\x7F", " ",    "\"",   "\\",   ",",
                       "x",    "\xC2", "\x85", "\xE2", "\x80", "\xA8", "\x81", "\xD8",
                       "\x9C", "\xEF", "\xBB", "\xBF", "\xC3", "\xF0", "\xFF"});
}

} // namespace sessionctl::test
