// What logins, clients and the log are told about session limits. Names are between double quotes, and every
// text stands on one line. No allocation: logins use it.
#pragma once

#include "core/admission/login_admission.hpp"
#include "core/admission/slots.hpp"
#include "core/shown_text.hpp"

namespace sessionctl::core {

/// The names for the OIDs of a limit and of a login that it counts, in the encoding of the characters. Null:
/// it was dropped.
struct LimitNames {
    const char* limit_role;
    const char* login_role;
    const char* database;
    const Characters& characters;
};

/// ` of role "app" in database "shop" with application "web" from 10.0.0.0/8`: whom a limit counts, with the
/// login's own value of what it is per. ` on this server` where it is all.
class Counted {
  public:
    Counted(const LimitKey& key, const LimitedLogin& login, const LimitNames& names) noexcept;

    const char* text() const noexcept { return text_; }

  private:
    [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) noexcept;
    void add_name(const char* what, const char* name, const Characters& characters) noexcept;

    char text_[1024] = "";
    std::size_t length_ = 0;
};

/// SQLSTATE 53300. Without a hint it is empty.
struct RefusalText {
    char message[1280];
    char detail[2048];
    char hint[256];
};

/// Too many sessions.
RefusalText refusal_of(const SessionLimit& limit, const LimitAccount& account, const LimitedLogin& login,
                       const LimitNames& names, int connected, RefusedBecause because) noexcept;
/// Too many logins in a time.
RefusalText refusal_by_rate(const SessionLimit& limit, const LimitAccount& account, const LimitedLogin& login,
                            const LimitNames& names) noexcept;
/// The last slots are for others.
RefusalText refusal_by_reserve(const SlotSettings& settings) noexcept;

/// What a client reads whose session is ended.
struct EvictionText {
    char detail[640];
    char hint[256];
};
/// For a login that needs its place.
EvictionText eviction_text(Timestamp idle_for, const Counted& counted) noexcept;
/// For free_slots.
EvictionText eviction_text_for_slots(Timestamp idle_for, const SlotSettings& settings) noexcept;

/// For the log: a superuser came in above a limit.
struct PassText {
    char message[1536];
};
PassText pass_text(const SessionLimit& limit, const LimitedLogin& login, const LimitNames& names,
                   int connected) noexcept;

} // namespace sessionctl::core
