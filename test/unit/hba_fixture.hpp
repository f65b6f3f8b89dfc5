// pg_hba.conf as a test writes it, locked down by roles that a test allows.
#pragma once

#include "core/hba/hba.hpp"
#include "hba_model.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::hba::dialect_of;
using core::hba::Lockdown;

namespace {

core::string text_of(const std::string& text) {
    return core::string(text.data(), text.size());
}

struct Hba : testing::Test {
    HbaWorld world = odd_world();
    Lockdown lockdown;
    int version = 150000;

    Hba() { lockdown.superusers.push_back("root"); }

    void allow(const char* role) { lockdown.allow_roles.push_back(role); }

    std::string locked(const std::string& text) {
        return str(lock({"pg_hba.conf", text_of(text)}, lockdown, dialect_of(version), world).text);
    }
    core::Error refused(const std::string& text) {
        return error_of([&] { locked(text); });
    }
    /// What stands in the block before the rejects, without the comments.
    std::string rules(const std::string& text) {
        const std::string all = locked(text);
        const std::size_t begin = all.find('\n', all.find("# To undo it")) + 1;
        return all.substr(begin, all.find("local all all reject\n") - begin);
    }
    std::string rule(const std::string& text) {
        const std::string all = rules(text + "\n");
        return all.substr(0, all.find('\n'));
    }
    /// A rule for some roles becomes one for others; "" where it goes.
    void expect_roles(std::initializer_list<std::pair<std::string, std::string>> roles) {
        for (const auto& [written, narrowed] : roles)
            EXPECT_EQ(rule("local all " + written + " peer"),
                      narrowed.empty() ? "" : "local all " + narrowed + " peer");
    }
};

std::string unlocked(const std::string& text) {
    const auto rest = core::hba::unlock(text);
    return rest ? str(*rest) : "no block";
}

constexpr char rejects[] = "local all all reject\nhost all all 0.0.0.0/0 reject\nhost all all ::/0 reject\n";
constexpr char end_marker[] = "# <<< pg_sessionctl lockdown\n";

} // namespace

} // namespace sessionctl::test
