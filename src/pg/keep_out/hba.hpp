// A lockdown by pg_hba.conf: the file changed, the postmaster told, and proof that it obeys.
#pragma once

#include "core/keep_out/hba.hpp"
#include "pg/keep_out/hba_file.hpp"

namespace sessionctl::pg {

/// One at a time changes the file: an advisory lock, which needs no shared memory of ours and ends with the
/// transaction if not before. Errors: 55P03 where another session keeps it for so long.
class HbaLock {
  public:
    explicit HbaLock(core::Timestamp patience);
    void release();
};

/// A change of the file that can be taken back. It must not move: exit undoes it, too.
class HbaChange {
  public:
    /// The file as it is. Errors: those of the file.
    HbaChange() : before_(read_hba_file()) {}

    const core::hba::File& file() const noexcept { return before_.file; }

    /// Writes it and has the postmaster read it. Errors: those of the file, 55000 where somebody else wrote
    /// it meanwhile; it is as it was then.
    void make(core::string next);
    /// The same without the block, for good and without needing space.
    void open(const core::string& rest);
    /// Waits until the postmaster obeys the block that was written. Errors: 55000 where it does not.
    void prove() const;
    bool is_made() const noexcept { return is_made_; }
    /// What was before, in what somebody has made of it since. Raises nothing, and does nothing where nothing
    /// was made. Needs no space. False where that failed: the log tells.
    bool undo() noexcept;
    /// Where there is no block in the file: what a crash, or who took it out by hand, has left beside it.
    void remove_leftovers() const noexcept { remove_hba_leftovers(before_); }

  private:
    core::string restored(const core::string& now) const;

    HbaFile before_;
    core::string made_;
    bool is_made_ = false;
};

/// Waits until the postmaster no longer obeys the block in this text. False where that can't be told.
bool is_forgotten(const core::string& text);

/// Texts are UTF-8.
struct HbaLockdown {
    core::string by; // empty: not known, as all of these
    core::Timestamp since;
    core::string reason;
    core::string damage; // what is wrong with the file
};

/// The lockdown in the file. Null where there is none, and for who is no superuser.
std::optional<HbaLockdown> hba_lockdown();

} // namespace sessionctl::pg
