#include "core/shown_text.hpp"
#include "support.hpp"

#include <random>
#include <vector>

namespace sessionctl::test {

using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

/// As EUC_JP's first two planes: a character of two bytes has the high bit in both.
std::size_t pair_length(std::string_view text, int) noexcept {
    const auto high = [text](std::size_t i) {
        return i < text.size() && static_cast<unsigned char>(text[i]) >= 0xA1;
    };
    if (text.empty())
        return 0;
    return static_cast<unsigned char>(text[0]) < 0x80 ? 1 : high(0) && high(1) ? 2 : 0;
}
constexpr core::Characters pairs = {pair_length, 0, core::Encoding::other};

bool is_whole(std::string_view text, const core::Characters& characters) {
    std::size_t length = 0;
    while ((length = characters.length_of(text)) > 0)
        text.remove_prefix(length);
    return text.empty();
}

bool has_control(std::string_view text, const core::Characters& characters) {
    for (; !text.empty(); text.remove_prefix(std::max<std::size_t>(characters.length_of(text), 1)))
        if (characters.begin_with_control(text))
            return true;
    return false;
}

template <std::size_t size>
std::string in_room(std::string_view text, const core::Characters& characters = core::utf8) {
    return core::OneLine<size>(text, characters).text();
}

} // namespace

TEST(ShownText, KnowsTheCharactersOfUtf8) {
    for (const std::string_view character : {"a", "\x7F", "\u0080", "ü", "\u07FF", "\u0800", "雪", "\uD7FF",
                                             "\uE000", "\uFFFF", "\U00010000", "😀", "\U0010FFFF"}) {
        EXPECT_EQ(core::utf8_length(character), character.size()) << character;
        EXPECT_EQ(core::utf8_length(std::string(character) + "x"), character.size()) << character;
        for (std::size_t cut = 1; cut < character.size(); ++cut)
            EXPECT_EQ(core::utf8_length(character.substr(0, cut)), 0u) << character;
    }
    EXPECT_EQ(core::utf8_length(""), 0u);
    EXPECT_EQ(core::utf8_length("\0"sv), 1u);
    for (const std::string_view bytes :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
          "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
          "\xFF", "\xC3x", "\xE2\x82x", "\xF0\x9F\x98x"})
        EXPECT_EQ(core::utf8_length(bytes), 0u) << testing::PrintToString(bytes);
}

TEST(ShownText, ReplacesWhatIsNoCharacter) {
    EXPECT_EQ(str(core::characters_of("caf\xE9 \xFE\xFF 雪", core::utf8)), "caf\\xe9 \\xfe\\xff 雪");
    EXPECT_EQ(str(core::characters_of("a\nb", core::utf8)), "a\nb") << "a line end is a character";
    EXPECT_EQ(str(core::characters_of("\xA4\xC2\xA4", pairs)), "\xA4\xC2\\xa4");
}

TEST(ShownText, ReplacesWhatAsciiLacks) {
    EXPECT_EQ(str(core::in_ascii("ü 雪 😀 \xE9")), "\\u00fc \\u96ea \\U0001f600 \\xe9");
}

TEST(ShownText, PutsAMessageOnOneLine) {
    EXPECT_EQ(str(core::one_line("a\nb\r\t\x7F\u0085\u2028ü\xE9", core::utf8)),
              "a\\x0ab\\x0d\\x09\\x7f\\xc2\\x85\\xe2\\x80\\xa8ü\\xe9");
    EXPECT_EQ(in_room<8>("ab\ncd"), "ab\\x0ac");
    EXPECT_EQ(in_room<7>("ab\ncd"), "ab\\x0a") << "a replacement is not cut";
    EXPECT_EQ(in_room<6>("ab\ncd"), "ab");
    EXPECT_EQ(in_room<5>("a雪雪"), "a雪") << "nor is a character";
    EXPECT_EQ(in_room<4>("a雪雪"), "a");
}

TEST(ShownText, CutsBetweenCharacters) {
    EXPECT_EQ(core::clipped_length("a雪雪", 6, core::utf8), 4u);
    EXPECT_EQ(core::clipped_length("a雪雪", 7, core::utf8), 7u);
    EXPECT_EQ(core::clipped_length("x\xA4\xC2\xA4\xC2", 4, pairs), 3u);
    EXPECT_EQ(core::without_torn_end("a雪\xE9\x9B", core::utf8), "a雪");
    EXPECT_EQ(core::without_torn_end("a雪", core::utf8), "a雪");
    EXPECT_EQ(core::without_torn_end("x\xA4\xC2\xA4", pairs), "x\xA4\xC2");
    EXPECT_EQ(core::without_torn_end("\xE9x", core::utf8), "\xE9x") << "what is broken elsewhere stays";
}

TEST(ShownText, HoldsForRandomBytes) {
    std::mt19937 random(20261128);
    const std::vector<std::string_view> parts = {"x",    "\n",   "\x7F", "ü",    "雪",       "😀",    "\u0085",
                                                 "\xA4", "\xC2", "\xE9", "\x9B", "\xED\xA0", "\xF4", "\xFF"};
    for (int i = 0; i < 30000; ++i) {
        std::string text;
        for (auto length = random() % 20; length > 0; --length)
            text += parts[random() % parts.size()];
        for (const core::Characters& characters : {core::utf8, pairs}) {
            const core::string shown = core::characters_of(text, characters);
            const core::string line = core::one_line(text, characters);
            ASSERT_TRUE(is_whole(shown, characters)) << testing::PrintToString(text);
            ASSERT_TRUE(is_whole(line, characters)) << testing::PrintToString(text);
            ASSERT_FALSE(has_control(line, characters)) << testing::PrintToString(text);
            ASSERT_EQ(core::characters_of(shown, characters), shown) << "done after once";
            ASSERT_EQ(is_whole(text, characters), std::string_view(shown) == text) << "no more than it must";
            const std::string room = in_room<16>(text, characters);
            ASSERT_LT(room.size(), 16u);
            ASSERT_EQ(str(line).substr(0, room.size()), room);
            ASSERT_TRUE(is_whole(room, characters));
            ASSERT_TRUE(room.size() == line.size() || room.size() + 4 >= 16) << "it has room for more";
            for (std::size_t limit = 0; limit <= shown.size() + 1; ++limit) {
                const std::size_t length = core::clipped_length(shown, limit, characters);
                ASSERT_LE(length, std::min(limit, shown.size()));
                ASSERT_TRUE(is_whole(std::string_view(shown).substr(0, length), characters));
                ASSERT_TRUE(length == shown.size() || length + 4 > limit);
                const auto torn =
                    core::without_torn_end(std::string_view(shown).substr(0, limit), characters);
                ASSERT_TRUE(is_whole(torn, characters)) << testing::PrintToString(torn);
                ASSERT_GE(torn.size() + 3, std::min(limit, shown.size()));
            }
        }
        const core::string ascii = core::in_ascii(text);
        ASSERT_TRUE(core::is_ascii(ascii));
        ASSERT_EQ(core::is_ascii(text), std::string_view(ascii) == text);
    }
}

} // namespace sessionctl::test
