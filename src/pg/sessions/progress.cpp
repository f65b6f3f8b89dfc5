#include "pg/sessions/progress.hpp"

#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/disclosure.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp show_interval = 100 * core::microseconds_per_millisecond;
/// How often to retry, a millisecond apart, while the numbers are being written.
constexpr int most_reads = 100;

using Numbers = std::int64_t[ProgressNumbers::count];
static_assert(sizeof(ProgressNumbers) == sizeof(Numbers) &&
              ProgressNumbers::count <= compat::most_shown_numbers);

Progress* innermost = nullptr;

SharedProgress* own_progress() noexcept {
    SessionSlot* const slot = session_slot(compat::own_slot());
    return slot != nullptr ? &slot->progress : nullptr;
}

/// 0 if there is no deadline.
core::Timestamp wall_clock(core::Timestamp deadline) noexcept {
    return deadline != Progress::no_deadline ? GetCurrentTimestamp() + (deadline - monotonic_now()) : 0;
}

/// Null: the call has ended.
void write_numbers(SharedProgress& progress, const Numbers* numbers) noexcept {
    const std::uint32_t changes = progress.changes | 1U; // odd already if a killed process left it so
    progress.changes.store(changes, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    progress.pid = numbers != nullptr ? MyProcPid : 0;
    progress.start = compat::own_start();
    for (int i = 0; numbers != nullptr && i < ProgressNumbers::count; ++i)
        progress.numbers[i].store((*numbers)[i], std::memory_order_relaxed);
    progress.changes.store(changes + 1, std::memory_order_release);
}

/// False while they are being written.
bool read_numbers(const SharedProgress& progress, core::Identity& owner, Numbers& numbers) noexcept {
    const std::uint32_t before = progress.changes.load(std::memory_order_acquire);
    owner = {progress.pid, progress.start};
    for (int i = 0; i < ProgressNumbers::count; ++i)
        numbers[i] = progress.numbers[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    return (before & 1U) == 0 && before == progress.changes.load(std::memory_order_relaxed);
}

/// False if the session has none, or was stopped while writing them.
bool read_shared(const SharedProgress& progress, const core::Session& session, Numbers& numbers) {
    core::Identity owner;
    for (int i = 0; i < most_reads; ++i) {
        if (read_numbers(progress, owner, numbers))
            return owner == session.id;
        call([] {
            CHECK_FOR_INTERRUPTS();
            pg_usleep(1000);
        });
    }
    return false;
}

bool read_from_table(const core::Session& session, Numbers& numbers) {
    return call([&session, &numbers] {
        bool is_found = false;
        read_consistently(compat::status_array().at(session.slot), [&](const PgBackendStatus& entry) {
            is_found = core::Identity{entry.st_procpid, entry.st_proc_start_timestamp} == session.id &&
                       compat::shown_numbers(entry, numbers, ProgressNumbers::count);
        });
        return is_found;
    });
}

core::Activity activity_of(const core::Session& session, const compat::StatusArray& table) {
    core::Activity doing = {};
    PgBackendStatus entry;
    read_consistently(table.at(session.slot),
                      [&entry](const PgBackendStatus& live) { std::memcpy(&entry, &live, sizeof entry); });
    doing.is_visible = may_tell(session);
    doing.is_listed = core::Identity{entry.st_procpid, entry.st_proc_start_timestamp} == session.id;
    if (!doing.is_listed)
        return doing;
    const compat::ProcView view = compat::proc_view(session.slot, entry);
    doing.state = compat::state_of(entry);
    doing.wait_event_type = view.wait_event_type;
    doing.wait_event = view.wait_event;
    return doing;
}

/// The activities of the sessions that are left.
core::string activities_of(const core::Plan& plan) {
    core::vector<core::Activity> all;
    all.reserve(plan.size());
    call([&plan, &all] {
        const compat::StatusArray table = compat::status_array();
        for (const core::Target& target : plan)
            if (core::is_left(target))
                all.push_back(activity_of(target.session, table)); // cannot allocate: reserved above
    });
    core::Activities activities;
    for (const core::Activity& doing : all)
        activities.add(doing);
    return activities.text();
}

} // namespace

Progress::Progress(core::Call call, core::Timestamp deadline, const core::Plan* plan)
    : outer_(innermost), call_(outer_ != nullptr ? outer_->call_ : call),
      since_(outer_ != nullptr ? outer_->since_ : GetCurrentTimestamp()), until_(wall_clock(deadline)),
      plan_(plan), own_clock_(monotonic_now()), clock_(outer_ != nullptr ? outer_->clock_ : own_clock_),
      guard_(hide_shared, nullptr) {
    show();
    innermost = this;
}

Progress::~Progress() {
    innermost = outer_;
    if (outer_ != nullptr)
        return;
    hide_shared(nullptr);
    if (own_progress() == nullptr)
        compat::hide_numbers();
}

/// A session that exits is no longer in the session table.
void Progress::hide_shared(void*) noexcept {
    if (SharedProgress* const progress = own_progress())
        write_numbers(*progress, nullptr);
}

void Progress::show() {
    const core::Progress progress = plan_ != nullptr ? core::progress_of(*plan_) : core::Progress{};
    const Numbers numbers = {static_cast<std::int64_t>(call_),
                             progress.chosen,
                             progress.signalled,
                             progress.done,
                             progress.left,
                             since_,
                             until_};
    if (SharedProgress* const shown = own_progress())
        write_numbers(*shown, &numbers);
    else
        pg::call([&numbers] { compat::show_numbers(numbers, ProgressNumbers::count); });
}

void Progress::notice() const {
    const core::Timestamp waited = monotonic_now() - clock_.began();
    const core::string text = plan_ != nullptr ? core::progress_text(core::progress_of(*plan_), call_, waited)
                                               : core::progress_text(call_, waited);
    const core::string activities = plan_ != nullptr ? activities_of(*plan_) : core::string();
    const char* const message = text.c_str();
    const char* const rest = activities.c_str();
    const bool waits_for_logins = plan_ != nullptr && activities.empty();
    pg::call([=] {
        ereport(NOTICE, (errmsg_internal("%s", message),
                         *rest != '\0'      ? errdetail_internal("Left: %s.", rest)
                         : waits_for_logins ? errdetail("The call waits for logins that are in progress.")
                                            : 0));
    });
}

void Progress::look() {
    const core::Timestamp now = monotonic_now();
    if (now >= next_show_) {
        show();
        next_show_ = now + show_interval;
    }
    if (clock_.is_due(now))
        notice();
}

void Progress::report() {
    if (innermost != nullptr)
        innermost->look();
}

void Progress::set_deadline(core::Timestamp deadline) {
    if (innermost == nullptr)
        return;
    innermost->until_ = wall_clock(deadline);
    innermost->show();
}

bool progress_of(const core::Session& session, ProgressNumbers& numbers) {
    Numbers found;
    const SessionSlot* const slot = session_slot(session.slot);
    const bool is_found = slot != nullptr ? read_shared(slot->progress, session, found)
                                          : shared_memory() == nullptr && read_from_table(session, found);
    if (is_found)
        std::memcpy(&numbers, found, sizeof numbers);
    return is_found && numbers.call >= 0 && numbers.call < core::kinds_of_calls;
}

} // namespace sessionctl::pg
