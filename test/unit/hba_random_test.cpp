// Random files, against a second reading of them.

#include "hba_fixture.hpp"

#include <random>

namespace sessionctl::test {

namespace {

/// Files as people, and worse, write them.
class Generator {
  public:
    explicit Generator(unsigned seed) : random_(seed) {}

    std::string file() {
        end_ = one_of({"\n", "\n", "\r\n"});
        std::string text;
        const unsigned lines = random_() % 14;
        for (unsigned i = 0; i < lines; ++i)
            text += line() + end_;
        if (random_() % 4 == 0 && !text.empty())
            text.resize(text.size() - end_.size());
        return text;
    }

  private:
    std::string one_of(std::initializer_list<const char*> choices) {
        return choices.begin()[random_() % choices.size()];
    }
    std::string gap() { return one_of({" ", " ", "  ", "\t", " \t ", "\t\t"}); }

    std::string list(std::string (Generator::*word)()) {
        std::string words = (this->*word)();
        while (random_() % 3 == 0)
            words += one_of({",", ",", ", ", ",,"}) + (this->*word)();
        return words;
    }
    std::string database() {
        return one_of({"all", "all", "\"all\"", "app", "\"my db\"", "sameuser", "samerole", "samegroup",
                       "\"sameuser\"", "replication", "replication", "\"replication\"", "@dbs", "/^a",
                       "a\"ll\"", "dba"});
    }
    std::string role() {
        return one_of({"all",
                       "all",
                       "\"all\"",
                       "root",
                       "alice",
                       "bob",
                       "carol",
                       "+staff",
                       "+dba",
                       "\"+staff\"",
                       "+\"odd group\"",
                       "@admins",
                       "@nested",
                       "\"@admins\"",
                       "a\"ll\"",
                       "/^a",
                       "\"/^a\"",
                       "/o",
                       "\"odd \"\"one\"\", here#\"",
                       "replication",
                       "nobody",
                       "\"\""});
    }
    std::string line() {
        switch (random_() % 12) {
        case 0:
            return one_of({"", "  \t", "# a comment", "#", " # local all all trust", ",", "# x \\"});
        case 1:
            return one_of({"include more.conf", "include_dir conf.d", "include_if_exists gone"});
        default:
            return rule() + one_of({"", "", "", " ", "\t# why", "#why", " map=x\\ #", "\\" /* joins */});
        }
    }
    std::string rule() {
        std::string text = one_of({"", "", "", " "});
        const bool local = random_() % 3 == 0;
        text += local ? "local" : one_of({"host", "host", "hostssl", "hostnossl", "\"host\""});
        const auto next = [&](const std::string& field) {
            text += random_() % 12 == 0 ? " \\" + end_ + " " + field : gap() + field;
        };
        next(list(&Generator::database));
        next(list(&Generator::role));
        if (!local)
            next(one_of({"all", "0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.0 255.0.0.0", "127.0.0.1/32",
                         "::1/128", "samehost", "samenet", "db.example.org"}));
        next(one_of({"trust", "md5", "reject", "scram-sha-256", "\"md5\""}));
        next("map=" + std::to_string(++number_)); // so that each rule differs
        return text;
    }

    std::mt19937 random_;
    std::string end_;
    int number_ = 0;
};

} // namespace

TEST(HbaAtRandom, OnlyAllowedRolesLogInAndAsBefore) {
    for (unsigned seed = 0; seed < 12000; ++seed) {
        const std::string text = Generator(seed).file();
        const char* const violated = violated_by_lock(text, seed * 2654435761u >> 8, seed);
        ASSERT_STREQ(violated, nullptr) << "seed " << seed << "\n" << text;
    }
}

TEST(HbaAtRandom, MostFilesAreAccepted) {
    HbaWorld world = odd_world();
    Lockdown lockdown;
    lockdown.superusers.push_back("root");
    int taken = 0;
    for (unsigned seed = 0; seed < 500; ++seed) {
        try {
            lock({"f", text_of(Generator(seed).file())}, lockdown, dialect_of(160000), world);
            ++taken;
        } catch (const core::Error&) {
        }
    }
    EXPECT_GT(taken, 250);
}

} // namespace sessionctl::test
