#include "core/sessions/protection.hpp"
#include "support.hpp"

#include <functional>
#include <vector>

namespace sessionctl::test {

using core::Kind;
using core::Protection;
using core::Session;

TEST(Protection, IsSpeltAsInSessionActivity) {
    expect_names(core::protection_name,
                 {nullptr, "self", "parallel worker", "not a client", "background process", "replication",
                  "superuser", "protected role", "permission denied"});
}

TEST(Protection, OrdinaryClientHasNone) {
    EXPECT_EQ(protection_of(client(1), {}), Protection::none);
}

namespace {

struct Cause {
    Protection protection;
    std::function<void(Session&)> apply;
    bool decides_kind = false;
};

/// In the order in which they have to be looked at.
const std::vector<Cause> causes = {
    {Protection::self, [](Session& s) { s.is_self = true; }},
    {Protection::parallel_worker, [](Session& s) { s.kind = Kind::parallel_worker; }, true},
    {Protection::not_a_client, [](Session& s) { s.kind = Kind::other; }, true},
    {Protection::background_process, [](Session& s) { s.kind = Kind::autovacuum_worker; }, true},
    {Protection::background_process, [](Session& s) { s.kind = Kind::background_worker; }, true},
    {Protection::replication, [](Session& s) { s.kind = Kind::walsender; }, true},
    {Protection::replication, [](Session& s) { s.kind = Kind::database_walsender; }, true},
    {Protection::superuser, [](Session& s) { s.is_superuser = true; }},
    {Protection::protected_role, [](Session& s) { s.is_protected = true; }},
    {Protection::permission_denied, [](Session& s) { s.may_signal = false; }},
};

} // namespace

TEST(Protection, NamesEachCause) {
    for (const Cause& cause : causes) {
        Session session = client(1);
        cause.apply(session);
        EXPECT_EQ(protection_of(session, {}), cause.protection) << core::protection_name(cause.protection);
    }
}

TEST(Protection, NamesTheFirstOfTwoCauses) {
    for (std::size_t first = 0; first < causes.size(); ++first)
        for (std::size_t second = first + 1; second < causes.size(); ++second) {
            if (causes[first].decides_kind && causes[second].decides_kind)
                continue;
            Session session = client(1);
            causes[first].apply(session);
            causes[second].apply(session);
            EXPECT_EQ(protection_of(session, {}), causes[first].protection)
                << core::protection_name(causes[first].protection) << " with "
                << core::protection_name(causes[second].protection);
        }
}

TEST(Protection, InclusionLiftsOnlyWhatItNames) {
    const core::Inclusion both = {true, true};
    for (const Cause& cause : causes) {
        Session session = client(1);
        cause.apply(session);
        const bool lifted =
            cause.protection == Protection::superuser || cause.protection == Protection::replication;
        EXPECT_EQ(protection_of(session, both), lifted ? Protection::none : cause.protection)
            << core::protection_name(cause.protection);
    }
}

TEST(Protection, AWalsenderOfASuperuserNeedsBothInclusions) {
    Session session = client(1);
    session.kind = Kind::walsender;
    session.is_superuser = true;
    EXPECT_EQ(protection_of(session, {false, false}), Protection::replication);
    EXPECT_EQ(protection_of(session, {true, false}), Protection::replication);
    EXPECT_EQ(protection_of(session, {false, true}), Protection::superuser);
    EXPECT_EQ(protection_of(session, {true, true}), Protection::none);
}

TEST(Protection, WalsendersWithADatabaseCanBeIncludedAlone) {
    core::Inclusion include = {};
    include.database_walsenders = true;
    Session session = client(1);
    session.kind = Kind::database_walsender;
    EXPECT_EQ(protection_of(session, include), Protection::none);
    session.is_superuser = true;
    EXPECT_EQ(protection_of(session, include), Protection::superuser);
    session.kind = Kind::walsender;
    EXPECT_EQ(protection_of(session, include), Protection::replication);
}

namespace {

constexpr Kind background_kinds[] = {Kind::autovacuum_worker, Kind::background_worker};

core::Inclusion including_background() {
    core::Inclusion include = {};
    include.background = true;
    return include;
}

} // namespace

TEST(Protection, ABackgroundProcessNeedsItsOwnInclusionAlone) {
    for (const Kind kind : background_kinds) {
        const Session session = worker(1, kind); // a superuser's, as most are
        EXPECT_EQ(protection_of(session, {}), Protection::background_process);
        EXPECT_EQ(protection_of(session, {true, true, true}), Protection::background_process);
        EXPECT_EQ(protection_of(session, including_background()), Protection::none);
    }
}

TEST(Protection, IncludingBackgroundLiftsNothingElse) {
    for (const Cause& cause : causes) {
        Session session = client(1);
        cause.apply(session);
        const bool lifted = core::is_background(session.kind);
        EXPECT_EQ(protection_of(session, including_background()),
                  lifted ? Protection::none : cause.protection)
            << core::protection_name(cause.protection);
    }
}

namespace {

/// What has to be allowed beyond the defaults, each with a space before it.
std::string needed_for(const Session& session) {
    const core::Inclusion needed = inclusion_for(session, {});
    EXPECT_FALSE(needed.database_walsenders);
    return std::string(needed.superusers ? " superusers" : "") + (needed.replication ? " replication" : "") +
           (needed.background ? " background" : "");
}

} // namespace

TEST(InclusionFor, NamesWhatLiftsEachCause) {
    EXPECT_EQ(needed_for(client(1)), "");
    for (const Cause& cause : causes) {
        Session session = client(1);
        cause.apply(session);
        EXPECT_EQ(needed_for(session), cause.protection == Protection::superuser            ? " superusers"
                                       : cause.protection == Protection::replication        ? " replication"
                                       : cause.protection == Protection::background_process ? " background"
                                                                                            : "")
            << core::protection_name(cause.protection);
    }
}

TEST(InclusionFor, NamesAllThatItTakes) {
    Session session = client(1);
    session.kind = Kind::walsender;
    session.is_superuser = true;
    EXPECT_EQ(needed_for(session), " superusers replication");
    EXPECT_EQ(needed_for(worker(1)), " background");
}

TEST(InclusionFor, NamesNothingWhereNothingHelps) {
    Session session = client(1);
    session.is_superuser = true;
    session.may_signal = false;
    EXPECT_EQ(needed_for(session), "");
    session.may_signal = true;
    session.is_protected = true;
    EXPECT_EQ(needed_for(session), "");
}

TEST(InclusionFor, KeepsWhatIsGiven) {
    EXPECT_TRUE(inclusion_for(client(1), {true, false}).superusers);
}

TEST(Protection, OtherProtectionsOfABackgroundProcessRemain) {
    for (const Kind kind : background_kinds) {
        Session session = worker(1, kind);
        session.may_signal = false;
        EXPECT_EQ(protection_of(session, including_background()), Protection::permission_denied);
        session = worker(1, kind);
        session.is_self = true;
        EXPECT_EQ(protection_of(session, including_background()), Protection::self);
    }
    Session session = worker(1);
    session.is_protected = true;
    EXPECT_EQ(protection_of(session, including_background()), Protection::protected_role);
    // Up to 9.6 autovacuum shows the role that has made the cluster.
    session.kind = Kind::autovacuum_worker;
    EXPECT_EQ(protection_of(session, including_background()), Protection::none);
}

TEST(Protection, KindOfABackgroundProcessIsHiddenLikeThatOfAClient) {
    for (const bool is_superuser : {false, true})
        for (const Kind kind : background_kinds)
            for (const core::Inclusion& include :
                 {core::Inclusion{}, core::Inclusion{true, false}, including_background()}) {
                Session hidden = worker(1, kind);
                hidden.is_visible = hidden.may_signal = false;
                hidden.is_superuser = is_superuser;
                Session like = hidden;
                like.kind = Kind::client;
                EXPECT_EQ(protection_of(hidden, include), protection_of(like, include));
            }
}

TEST(Protection, TheCallerIsSparedWhateverIsIncluded) {
    Session session = client(1);
    session.is_self = true;
    session.is_superuser = true;
    EXPECT_EQ(protection_of(session, {true, true}), Protection::self);
}

TEST(Protection, HidesAParallelWorkerFromRolesThatMayNeitherSeeNorSignalIt) {
    Session session = client(1);
    session.kind = Kind::parallel_worker;
    session.is_visible = session.may_signal = false;
    EXPECT_EQ(protection_of(session, {}), Protection::permission_denied);
    session.may_signal = true;
    EXPECT_EQ(protection_of(session, {}), Protection::parallel_worker);
    session.may_signal = false;
    session.is_visible = true;
    EXPECT_EQ(protection_of(session, {}), Protection::parallel_worker);
}

} // namespace sessionctl::test
