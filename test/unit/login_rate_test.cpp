#include "core/admission/login_rate.hpp"
#include "support.hpp"

#include <random>
#include <vector>

namespace sessionctl::test {

using core::LoginBucket;
using core::LoginRate;

namespace {

LoginRate rate_of(const char* text) {
    return core::checked_login_rate(text);
}

/// Takes what there is. How many that were.
int take_all(LoginBucket& bucket, const LoginRate& rate, core::Timestamp now) {
    int taken = 0;
    for (; bucket.wait(rate, now) == 0; ++taken)
        bucket.take(rate, now);
    return taken;
}

} // namespace

TEST(LoginRate, IsANumberInATime) {
    EXPECT_TRUE((rate_of("50/s") == LoginRate{50, 1}));
    EXPECT_TRUE((rate_of("10/min") == LoginRate{10, 60}));
    EXPECT_TRUE((rate_of("10000/h") == LoginRate{10000, 3600}));
    EXPECT_FALSE((rate_of("50/s") == LoginRate{50, 60}));
    EXPECT_FALSE((rate_of("50/s") == LoginRate{51, 1}));
    for (const char* const text : {"50/s", "10/min", "1/h"})
        EXPECT_STREQ(core::login_rate_text(rate_of(text)).text, text);
    EXPECT_STREQ(core::login_rate_text({}).text, "");
    EXPECT_FALSE(LoginRate{}.is_bound());
}

TEST(LoginRate, RefusesOtherTexts) {
    for (const char* const text : {"", "/", "/s", "50", "50/", "50/d", "50/sec", "0/s", "-1/s", "10001/s",
                                   "50 /s", "50/ s", "50/s ", "1.5/s", "99999999999999999999/s", "50/s/s"}) {
        const core::Error error = error_of([=] { core::checked_login_rate(text); });
        EXPECT_STREQ(error.sqlstate(), "22023") << text;
        EXPECT_EQ(std::string(error.what()), std::string("invalid login_rate \"") + text + "\"");
        EXPECT_NE(std::string(error.hint()).find("'50/s'"), std::string::npos) << error.hint();
    }
    LoginRate rate = {3, 60};
    EXPECT_FALSE(core::read_login_rate("50/d", rate));
    EXPECT_TRUE((rate == LoginRate{3, 60}));
}

TEST(LoginBucket, IsFullAtFirst) {
    for (const char* const text : {"1/s", "7/s", "50/s", "10/min", "10000/h"}) {
        const LoginRate rate = rate_of(text);
        LoginBucket bucket = {};
        EXPECT_EQ(take_all(bucket, rate, seconds(100)), rate.logins) << text;
    }
}

TEST(LoginBucket, FillsEvenly) {
    const LoginRate rate = rate_of("50/s");
    LoginBucket bucket = {};
    take_all(bucket, rate, seconds(100));
    EXPECT_EQ(bucket.wait(rate, seconds(100)), milliseconds(20));
    EXPECT_EQ(bucket.wait(rate, seconds(100) + milliseconds(15)), milliseconds(5));
    EXPECT_EQ(take_all(bucket, rate, seconds(100) + milliseconds(19)), 0);
    EXPECT_EQ(take_all(bucket, rate, seconds(100) + milliseconds(20)), 1);
    EXPECT_EQ(take_all(bucket, rate, seconds(100) + milliseconds(99)), 3);
    EXPECT_EQ(take_all(bucket, rate, seconds(1000)), 50) << "no more than it holds";
}

TEST(LoginBucket, WhoWaitsTakesTheNextToken) {
    const LoginRate rate = rate_of("10/min");
    LoginBucket bucket = {};
    take_all(bucket, rate, seconds(100));
    EXPECT_EQ(bucket.wait(rate, seconds(100)), seconds(6));
    bucket.take(rate, seconds(100));
    EXPECT_EQ(bucket.wait(rate, seconds(100)), seconds(12)) << "the one behind it waits for longer";
    EXPECT_EQ(bucket.wait(rate, seconds(106)), seconds(6));
    EXPECT_EQ(take_all(bucket, rate, seconds(112)), 1);
}

TEST(LoginBucket, NeverLetsInMoreThanTwiceTheRate) {
    std::mt19937 random(21);
    for (const char* const text : {"1/s", "3/s", "7/s", "50/s", "9999/s"}) {
        const LoginRate rate = rate_of(text);
        LoginBucket bucket = {};
        std::vector<core::Timestamp> logins;
        for (core::Timestamp now = seconds(1); now < seconds(10) && logins.size() < 20000;
             now += 1 + random() % (2 * core::microseconds_per_second / rate.logins))
            for (unsigned i = random() % 3; i > 0 && bucket.wait(rate, now) == 0; --i) {
                bucket.take(rate, now);
                logins.push_back(now);
            }
        const auto capacity = static_cast<std::size_t>(rate.logins);
        for (std::size_t i = 0; i + 2 * capacity < logins.size(); ++i)
            ASSERT_GE(logins[i + 2 * capacity] - logins[i], seconds(1)) << text;
        EXPECT_LE(logins.size(), 10 * capacity);
        EXPECT_GE(logins.size(), capacity) << text;
    }
}

} // namespace sessionctl::test
