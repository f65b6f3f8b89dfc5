// A lockdown by pg_hba.conf: changes the file, reloads it, and checks that the postmaster uses it.
#pragma once

#include "core/hba/hba.hpp"
#include "pg/hba/hba_file.hpp"

namespace sessionctl::pg {

/// Serializes changes of the file: an advisory lock, which needs no shared memory of ours and is released at
/// the end of the transaction at the latest. Errors: 55P03 if another session holds it for too long.
class HbaLock {
  public:
    explicit HbaLock(core::Timestamp timeout);
    void release();
};

/// A change of the file that can be undone. It must not move: it is undone at exit, too.
class HbaChange {
  public:
    /// Reads the file. Errors: those of the file.
    HbaChange() : before_(read_hba_file()) {}

    const core::hba::File& file() const noexcept { return before_.file; }

    /// Writes the file and reloads it. Errors: those of the file, 55000 if the file was changed meanwhile; it
    /// is then unchanged.
    void make(core::string next);
    /// Writes the file without the block, finally and without needing space.
    void open(const core::string& rest);
    /// Waits until the postmaster uses the new block. Errors: 55000 if it does not.
    void prove() const;
    bool is_made() const noexcept { return is_made_; }
    /// Restores the previous block, and keeps other changes made since. Does nothing if nothing was made.
    /// Needs no space and raises nothing; false if it failed, with a line in the log.
    bool undo() noexcept;
    /// If the file has no block: removes the files left by a crash, or by manual removal of the block.
    void remove_leftovers() const noexcept { remove_hba_leftovers(before_); }

  private:
    core::string restored(const core::string& now) const;

    HbaFile before_;
    core::string made_;
    bool is_made_ = false;
};

/// Waits until the postmaster no longer uses the block in this text. False if that can't be found out.
bool is_forgotten(const core::string& text);

/// Texts are UTF-8.
struct HbaLockdown {
    core::string by; // empty, as all of these: not known
    core::Timestamp since;
    core::string reason;
    core::string damage; // what is wrong with the file
};

/// The lockdown in the file. Null if there is none, or the user is no superuser.
std::optional<HbaLockdown> hba_lockdown();

} // namespace sessionctl::pg
