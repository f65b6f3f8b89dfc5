#include "admission_fixture.hpp"
#include "core/admission/login_buckets.hpp"

namespace sessionctl::test {

namespace {

class LoginBucketsTest : public AdmissionServer {
  protected:
    int set_rate(SessionLimit limit, std::int32_t logins) {
        limit.login_rate = {logins, 1};
        return set(limit);
    }

    /// How long it waits.
    core::Timestamp wait(const LimitedLogin& login) {
        limit_ = -1;
        return buckets_->wait(table_->list, limits_of(login), login, now_, limit_);
    }

    void take(const LimitedLogin& login, int count) {
        for (int i = 0; i < count; ++i)
            EXPECT_EQ(wait(login), 0) << i;
    }

    int limit_ = -1;
    std::unique_ptr<core::LoginBuckets> buckets_{new core::LoginBuckets()};
};

} // namespace

TEST_F(LoginBucketsTest, ALimitWithoutARateHoldsNobodyUp) {
    set(limit_of(1));
    take(login_by(test_role), 1000);
}

TEST_F(LoginBucketsTest, AboveTheRateLoginsWait) {
    const int number = set_rate(limit_of(100), 5);
    take(login_by(1), 3);
    take(login_by(2), 2);
    EXPECT_EQ(wait(login_by(1)), milliseconds(200));
    EXPECT_EQ(limit_, number);
    EXPECT_EQ(wait(login_by(1)), milliseconds(400)) << "the one before has its token";
    for (int i = 3; i <= 5; ++i)
        EXPECT_EQ(wait(login_by(1)), milliseconds(200 * i));
    EXPECT_EQ(wait(login_by(1)), milliseconds(1200));
    EXPECT_EQ(wait(login_by(1)), milliseconds(1200)) << "it waits in vain, and took none";
    now_ += seconds(10);
    take(login_by(1), 5);
}

TEST_F(LoginBucketsTest, WithPerEachHasARate) {
    SessionLimit limit = limit_of(100);
    limit.key.per = LimitPer::role;
    set_rate(limit, 5);
    take(login_by(1), 5);
    EXPECT_GT(wait(login_by(1)), 0);
    take(login_by(2), 5);
    EXPECT_GT(wait(login_by(2)), 0);
}

TEST_F(LoginBucketsTest, TakesATokenOfEachOrOfNone) {
    const int server = set_rate(limit_of(100), 20);
    const int role = set_rate(limit_of_role(50, 1), 1);
    take(login_by(1), 1);
    EXPECT_EQ(wait(login_by(1)), seconds(1));
    EXPECT_EQ(limit_, role);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(wait(login_by(1)), seconds(2));
    take(login_by(2), 18);
    EXPECT_EQ(wait(login_by(2)), milliseconds(50));
    EXPECT_EQ(limit_, server);
}

TEST_F(LoginBucketsTest, AChangedLimitBeginsAnew) {
    const int number = set_rate(limit_of(100), 5);
    const int other = set_rate(limit_of_role(50, 2), 1);
    take(login_by(1), 4);
    take(login_by(2), 1);
    buckets_->forget(number);
    take(login_by(1), 5);
    EXPECT_GT(wait(login_by(2)), 0);
    EXPECT_EQ(limit_, other) << "the other one did not";
}

TEST_F(LoginBucketsTest, ManyValuesShutNobodyOut) {
    SessionLimit limit = limit_of(100);
    limit.key.per = LimitPer::application;
    set_rate(limit, 2);
    take(login_by(1, "web"), 2);
    now_ += 1;
    for (int i = 0; i < 5000; ++i)
        EXPECT_EQ(wait(login_by(1, ("made up " + std::to_string(i)).c_str())), 0);
    take(login_by(1, "another"), 2);
    EXPECT_GT(wait(login_by(1, "another")), 0);
}

} // namespace sessionctl::test
