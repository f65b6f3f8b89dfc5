#include "pg/audit/evidence.hpp"

#include "core/reaper/violation_text.hpp"
#include "core/text.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/session_table.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/guc.h"
#include "utils/memutils.h"
}

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp longest_lock_look = core::microseconds_per_second;

/// Copies a little more of the text than is kept, to find the end of the last character.
struct LiveStatus {
    PgBackendStatus entry;
    char query[Evidence::longest_query + MAX_MULTIBYTE_CHAR_LEN + 1];
    bool is_cut; // the server cut it, perhaps inside a character
};

/// False if the slot belongs to another session by now.
bool read_live(const core::Session& session, LiveStatus& live) {
    bool is_same = false;
    read_consistently(compat::status_array().at(session.slot), [&](const PgBackendStatus& entry) {
        is_same = core::Identity{entry.st_procpid, entry.st_proc_start_timestamp} == session.id;
        if (!is_same)
            return;
        std::memcpy(&live.entry, &entry, sizeof entry);
        const char* const query = compat::activity_of(entry);
        const std::size_t length = strnlen(query, sizeof live.query - 1);
        std::memcpy(live.query, query, length);
        live.query[length] = '\0';
    });
    live.is_cut = is_same && compat::is_cut_activity(live.query);
    return is_same;
}

/// Negative ages (the clock was set back) become 0.
core::Timestamp age_of(core::Timestamp since, core::Timestamp now, bool applies = true) noexcept {
    return applies && since != 0 ? std::max<core::Timestamp>(now - since, 0) : Evidence::no_age;
}

void add_age(LogLine& line, const char* key, core::Timestamp age) {
    if (age != Evidence::no_age)
        line.add_quoted(key, core::length_of_time(age).c_str());
}

/// log_min_error_statement decides, as it does for the statement that core logs when a termination interrupts
/// it.
bool logs_statements() noexcept {
    return log_min_error_statement <= FATAL;
}

} // namespace

Evidence Evidence::of_login(Oid role) noexcept {
    Evidence evidence = {};
    evidence.is_present = true;
    evidence.state = core::State::starting;
    evidence.role = role;
    evidence.session_age = evidence.xact_age = evidence.query_age = evidence.state_age = no_age;
    return evidence;
}

void Evidence::add_to(LogLine& line) const {
    if (!is_present)
        return;
    line.add_quoted("state", core::state_name(state));
    if (wait_event_type.is_present && wait_event.is_present)
        line.add_quoted("wait_event",
                        core::string(wait_event_type.text).append("/").append(wait_event.text).c_str());
    add_age(line, "session_age", session_age);
    add_age(line, "xact_age", xact_age);
    add_age(line, "query_age", query_age);
    add_age(line, "state_age", state_age);
    line.add("blocking_count", waiting);
    if (query_id != 0) {
        char number[32];
        std::snprintf(number, sizeof number, "%lld", static_cast<long long>(query_id));
        line.add("query_id", number);
    }
    if (query.is_present && logs_statements()) {
        const core::Encoding controls = characters_of(encoding).controls;
        line.add("query", core::quoted(core::clean_reason(query.text, controls), controls).c_str());
    }
}

RecentLockWaits::RecentLockWaits()
    : memory_(call([] { return compat::create_context(CurrentMemoryContext, "pg_sessionctl lock waits"); })) {
}

int RecentLockWaits::waiting_behind(int pid) {
    if (waits_ == nullptr || monotonic_now() - taken_at_ > longest_lock_look)
        look();
    return waits_->waiting_behind(pid);
}

/// Those that were signalled need the lock table to exit. Many of them are not waited for: the last look
/// still tells.
void RecentLockWaits::look() {
    taken_at_ = monotonic_now();
    MemoryContext memory =
        call([this] { return compat::create_context(memory_, "pg_sessionctl look at lock waits"); });
    const LockWaits* waits = nullptr;
    {
        const MemoryScope scope(memory);
        waits = waits_ == nullptr ? LockWaits::take() : LockWaits::take_if_free();
    }
    if (waits != nullptr) {
        waits_ = waits;
        std::swap(look_, memory);
    }
    if (memory != nullptr)
        MemoryContextDelete(memory);
}

Evidence evidence_of(const RosterEntry& session, RecentLockWaits& waits) {
    Evidence evidence = {};
    evidence.waiting = waits.waiting_behind(session.facts.id.pid);
    call([&evidence, &session] {
        LiveStatus live;
        if (!read_live(session.facts, live))
            return;
        const core::Timestamp now = GetCurrentTimestamp();
        const core::Session facts = session_of(session.facts.slot, live.entry);
        const compat::ProcView proc = compat::proc_view(session.facts.slot, live.entry);
        const core::Characters characters = characters_of(session.encoding);
        evidence.is_present = true;
        evidence.state = facts.state;
        evidence.role = live.entry.st_userid;
        evidence.encoding = session.encoding;
        evidence.query_id = compat::query_id_of(live.entry);
        evidence.session_age = age_of(facts.id.start, now);
        evidence.xact_age = age_of(core::transaction_start(facts), now);
        evidence.query_age = age_of(facts.query_start, now, core::is_active(facts.state));
        evidence.state_age = age_of(facts.state_change, now);
        evidence.wait_event_type.set(proc.wait_event_type);
        evidence.wait_event.set(proc.wait_event);
        std::string_view query = live.query;
        if (live.is_cut)
            query = core::without_torn_end(query, characters);
        evidence.query.is_present = live.query[0] != '\0';
        copy_clipped(evidence.query.text, sizeof evidence.query.text, query, characters);
    });
    return evidence;
}

CallEvidence::Kept* CallEvidence::find(std::int32_t pid) noexcept {
    return std::lower_bound(taken_.data(), taken_.data() + taken_.size(), pid,
                            [](const Kept& taken, std::int32_t wanted) { return taken.pid < wanted; });
}

void CallEvidence::take(const core::Session& session) {
    const RosterEntry* const entry = roster_.find(session.id.pid);
    if (entry == nullptr)
        return;
    const Evidence evidence = evidence_of(*entry, waits_);
    Kept* place = find(session.id.pid);
    if (place == taken_.data() + taken_.size() || place->pid != session.id.pid) {
        auto* const kept = static_cast<Evidence*>(core::allocate(sizeof(Evidence)));
        place = &*taken_.insert(taken_.begin() + (place - taken_.data()), Kept{session.id.pid, kept});
    }
    *place->evidence = evidence;
}

const Evidence& CallEvidence::of(std::int32_t pid) const noexcept {
    static const Evidence none = {};
    const Kept* const place = const_cast<CallEvidence*>(this)->find(pid);
    return place != taken_.data() + taken_.size() && place->pid == pid ? *place->evidence : none;
}

} // namespace sessionctl::pg
