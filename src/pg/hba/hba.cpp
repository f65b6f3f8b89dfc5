#include "pg/hba/hba.hpp"

#include "core/error.hpp"
#include "core/utc.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/hba/hba_probe.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/shared_memory.hpp"
#include "pg/subtransaction.hpp"

#include <csignal>

extern "C" {
#include "storage/lock.h"
}

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp lock_poll_interval = 10 * core::microseconds_per_millisecond;

/// The reaper uses other keys (pg/reaper/reaper_lock).
LOCKTAG lock_tag() noexcept {
    constexpr uint32 key = 0x70677363; // "pgsc"
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, InvalidOid, key, 3, 2);
    return tag;
}

bool try_to_lock() {
    return call([] {
        const LOCKTAG tag = lock_tag();
        return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
    });
}

/// As pg_reload_conf(). In single-user mode there is no postmaster to signal.
bool reload() noexcept {
    return !IsUnderPostmaster || kill(PostmasterPid, SIGHUP) == 0;
}

/// The hint is given if there is no space left.
[[noreturn]] void raise_failure(FileFailure failure, const char* without_space) {
    if (failure.why == EAGAIN)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "file \"%s\" was concurrently changed", failure.path)
            .hint("Nothing was changed. Try again.");
    call([&failure, without_space] {
        const bool has_hint = without_space != nullptr && (failure.why == ENOSPC || failure.why == EDQUOT);
        errno = failure.why;
        ereport(ERROR,
                (errcode_for_file_access(),
                 errmsg("could not %s file \"%s\": %m", failure.what, failure.path),
                 errdetail("pg_hba.conf was not changed."), has_hint ? errhint("%s", without_space) : 0));
    });
    pg_unreachable();
}

void reload_or_raise() {
    if (!reload())
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "could not signal the postmaster: %s", std::strerror(errno));
}

/// After the change has been made.
void sync_or_log(const HbaFile& file, int level) {
    const FileFailure failure = sync_hba_file(file);
    if (failure.what == nullptr)
        return;
    errno = failure.why;
    ereport(level,
            (errcode_for_file_access(), errmsg("could not %s file \"%s\": %m", failure.what, failure.path),
             errdetail("A crash of the machine may bring the lockdown back.")));
}

std::string_view block_in(const core::string& text) {
    const std::optional<core::hba::Block> block = core::hba::find_block(text);
    return block ? std::string_view(text).substr(block->begin, block->end - block->begin) : "";
}

} // namespace

HbaLock::HbaLock(core::Timestamp timeout) {
    const core::Timestamp deadline = monotonic_now() + timeout;
    while (!try_to_lock()) {
        if (monotonic_now() >= deadline)
            throw core::Error(core::sqlstate::lock_not_available,
                              "another session is locking or unlocking the server by pg_hba.conf")
                .hint("Try again when it is done.");
        pause(lock_poll_interval);
    }
}

void HbaLock::release() {
    call([] {
        const LOCKTAG tag = lock_tag();
        LockRelease(&tag, ExclusiveLock, false);
    });
}

void HbaChange::make(core::string next) {
    made_ = std::move(next);
    FileFailure failure = replace_hba_file(before_, made_);
    if (failure.what == nullptr) {
        is_made_ = true;
        failure = sync_hba_file(before_);
    }
    if (failure.what != nullptr) {
        undo();
        if (block_in(before_.file.text).empty())
            remove_leftovers();
        const core::string other_way = core::string("Lock the server down with method ")
                                           .append(compat::argument_sign)
                                           .append(" 'gate', which needs no space.");
        raise_failure(failure, shared_memory() != nullptr ? other_way.c_str() : nullptr);
    }
    reload_or_raise();
}

void HbaChange::open(const core::string& rest) {
    const FileFailure failure = restore_hba_file(before_, rest, false);
    if (failure.what != nullptr)
        raise_failure(
            failure,
            "Free some space, or delete the lines from >>> to <<< in it, then reload the configuration.");
    call([this] { sync_or_log(before_, WARNING); });
    reload_or_raise();
}

void HbaChange::prove() const {
    const std::optional<core::string> probe = core::hba::probe_of(made_);
    const HbaProof proof = probe ? prove_block(*probe) : HbaProof::refuted;
    if (proof == HbaProof::found)
        return;
    if (proof == HbaProof::unanswered)
        throw core::Error(
            core::sqlstate::object_not_in_prerequisite_state,
            "could not verify that the server uses the new pg_hba.conf, because it does not answer logins")
            .hint("The old file was restored. Try again when the machine is less busy.");
    throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                      "the server does not use the new pg_hba.conf")
        .detail("Logins that it should reject were not rejected.")
        .hint("The old file was restored. See the server log for a line that the server does not accept, and "
              "check whether all connection slots are taken.");
}

bool HbaChange::undo() noexcept {
    if (!std::exchange(is_made_, false))
        return true;
    FileFailure failure = {"read", before_.target.c_str(), 0};
    HbaFile now; // outlives the failure, whose path is one of its own
    HOLD_INTERRUPTS();
    // Raises no PostgreSQL error: the process may be about to exit.
    const bool is_done = callback([&] {
        now = before_;
        failure.why = read_whole(now.target.c_str(), now.file.text, now.status);
        if (failure.why != 0)
            return;
        const core::string text = restored(now.file.text);
        const bool keeps_old = !block_in(before_.file.text).empty();
        failure = {};
        if (text != now.file.text)
            failure = restore_hba_file(now, text, keeps_old);
        else if (!keeps_old)
            remove_hba_leftovers(now);
    });
    const bool is_restored = is_done && failure.what == nullptr;
    if (is_restored)
        sync_or_log(now, LOG);
    if (is_restored && reload()) {
        RESUME_INTERRUPTS();
        return true;
    }
    errno = failure.why;
    ereport(LOG,
            (errcode_for_file_access(),
             errmsg("pg_sessionctl: could not undo the lockdown in \"%s\": could not %s file \"%s\": %m",
                    before_.target.c_str(), failure.what != nullptr ? failure.what : "reload", failure.path),
             errhint("Delete the lines from >>> to <<< in it, then reload the configuration.")));
    RESUME_INTERRUPTS();
    return false;
}

/// Puts the old block, or nothing, in the place of the new one.
core::string HbaChange::restored(const core::string& now) const {
    if (now == made_)
        return before_.file.text;
    const std::string_view made = block_in(made_);
    const std::size_t place = std::string_view(now).find(made);
    if (made.empty() || place == std::string_view::npos)
        return now; // another session or the administrator has removed it
    core::string text(now.data(), place);
    text.append(block_in(before_.file.text));
    text.append(std::string_view(now).substr(place + made.size()));
    return text;
}

bool is_forgotten(const core::string& text) {
    const std::optional<core::string> probe = core::hba::probe_of(text);
    return IsUnderPostmaster && probe && prove_no_block(*probe) == HbaProof::found;
}

std::optional<HbaLockdown> hba_lockdown() {
    if (!call([] { return superuser(); }))
        return std::nullopt;
    HbaLockdown lockdown = {};
    try {
        const std::optional<core::hba::Mark> mark =
            core::hba::mark_of(in_subtransaction([] { return read_hba_file(); }).file.text);
        if (!mark)
            return std::nullopt;
        lockdown.by = mark->by;
        lockdown.reason = mark->reason;
        core::read_utc(mark->at, lockdown.since);
    } catch (const core::Error& error) {
        lockdown.damage = error.what();
    } catch (const PgError& error) {
        if (error.is_cancel())
            throw;
        const char* const why = error.data()->message;
        call([why] { ereport(WARNING, (errmsg_internal("%s", why))); });
        return std::nullopt;
    }
    return lockdown;
}

} // namespace sessionctl::pg
