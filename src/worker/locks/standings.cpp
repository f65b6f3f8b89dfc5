#include "worker/locks/standings.hpp"

#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "worker/exemptions.hpp"

namespace sessionctl::worker {

core::vector<Standings::Known>::iterator Standings::place_of(const core::Session& session) noexcept {
    return std::lower_bound(known_.begin(), known_.end(), session.id.pid,
                            [](const Known& each, std::int32_t pid) { return each.id.pid < pid; });
}

const Standings::Known& Standings::of(const core::Session& session) {
    const auto place = place_of(session);
    if (place != known_.end() && place->id == session.id)
        return *place;
    Known known = {session.id, true, false, InvalidOid};
    const pg::Roster roster = pg::Roster::take_one(session);
    if (!roster.entries.empty())
        known = {session.id, false, is_exempt(roster.entries.front()), roster.entries.front().role};
    const pg::MemoryScope lasting(memory_);
    return *known_.insert(place, known);
}

bool Standings::may_signal(Oid signaller, Oid role) {
    const auto is_before = [](const Right& each, const Right& wanted) {
        return each.signaller != wanted.signaller ? each.signaller < wanted.signaller
                                                  : each.role < wanted.role;
    };
    Right right = {signaller, role, false};
    const auto place = std::lower_bound(rights_.begin(), rights_.end(), right, is_before);
    if (place != rights_.end() && place->signaller == signaller && place->role == role)
        return place->is_given;
    right.is_given = pg::call([signaller, role] { return compat::may_signal(signaller, role); });
    const pg::MemoryScope lasting(memory_);
    return rights_.insert(place, right)->is_given;
}

} // namespace sessionctl::worker
