#include "core/admission/admission_text.hpp"

#include "core/length_of_time.hpp"
#include "core/shown_text.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace sessionctl::core {

namespace {

constexpr std::size_t shown_name_size = 256;

/// ` set by role "dba"`, or nothing where that is not known.
class SetBy {
  public:
    explicit SetBy(const LimitAccount& account) noexcept {
        if (account.by[0] == '\0')
            return;
        const OneLine<2 * GateState::by_size> by(account.by);
        std::snprintf(text_, sizeof text_, " set by role \"%s\"", by.text());
    }

    const char* text() const noexcept { return text_; }

  private:
    char text_[2 * GateState::by_size + 32] = "";
};

/// `: <reason>`, or the full stop.
class Because {
  public:
    explicit Because(const LimitAccount& account) noexcept {
        const OneLine<2 * GateState::reason_size> reason(account.reason);
        std::snprintf(text_, sizeof text_, "%s%s", account.reason[0] != '\0' ? ": " : ".", reason.text());
    }

    const char* text() const noexcept { return text_; }

  private:
    char text_[2 * GateState::reason_size + 8];
};

/// Cut between characters where it is too long.
template <std::size_t size>
[[gnu::format(printf, 2, 3)]] void print_text(char (&target)[size], const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(target, size, format, arguments);
    va_end(arguments);
    if (length >= static_cast<int>(size))
        target[without_torn_end({target, size - 1}, utf8).size()] = '\0';
}

const char* sessions_are(int number) noexcept {
    return number == 1 ? "session is" : "sessions are";
}

void print_hint(RefusalText& text, const SessionLimit& limit, RefusedBecause because) noexcept {
    const LengthOfTime wait(limit.wait * microseconds_per_millisecond);
    const LengthOfTime idle(limit.evict_idle_for * microseconds_per_millisecond);
    switch (because) {
    case RefusedBecause::full:
        text.hint[0] = '\0';
        break;
    case RefusedBecause::waited:
        print_text(text.hint, "The login waited for a place for %s. Try again later.", wait.text);
        break;
    case RefusedBecause::nobody_to_evict:
        print_text(text.hint,
                   "No session can make room: none that may be ended has been idle for %s. Try again later.",
                   idle.text);
        break;
    case RefusedBecause::too_many_wait:
        print_text(text.hint, "The maximum number of logins is already waiting. Try again later.");
        break;
    }
}

} // namespace

void Counted::add(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    const std::size_t room = sizeof text_ - length_;
    const int length = std::vsnprintf(text_ + length_, room, format, arguments);
    va_end(arguments);
    length_ += std::min<std::size_t>(length > 0 ? static_cast<std::size_t>(length) : 0, room - 1);
}

void Counted::add_name(const char* what, const char* name, const Characters& characters) noexcept {
    if (name == nullptr) {
        add(" %s that was dropped", what);
        return;
    }
    const OneLine<shown_name_size> shown(name, characters);
    add(" %s \"%s\"", what, shown.text());
}

Counted::Counted(const LimitKey& key, const LimitedLogin& login, const LimitNames& names) noexcept {
    if (key.is_whole_server() && key.per == LimitPer::none) {
        add(" on this server");
        return;
    }
    if (key.role != 0 || key.per == LimitPer::role)
        add_name("of role", key.per == LimitPer::role ? names.login_role : names.limit_role,
                 names.characters);
    if (key.database != 0 || key.per == LimitPer::database)
        add_name("in database", names.database, names.characters);
    const char* const application = key.has_application ? key.application : login.origin.application;
    if (key.has_application || key.per == LimitPer::application) {
        if (application[0] != '\0')
            add(" with application \"%s\"", application);
        else
            add(" without the name of an application");
    }
    if (key.per == LimitPer::client)
        add(" from %s",
            login.origin.host == ClientHost::local() ? "local sockets" : host_text(login.origin.host).text);
    else if (!key.client.is_any())
        add(" from %s", network_text(key.client).text);
}

RefusalText refusal_of(const SessionLimit& limit, const LimitAccount& account, const LimitedLogin& login,
                       const LimitNames& names, int connected, RefusedBecause because) noexcept {
    RefusalText text;
    print_text(text.message, "too many sessions%s", Counted(limit.key, login, names).text());
    print_text(text.detail, "%d %s connected, and the limit%s is %d%s", connected, sessions_are(connected),
               SetBy(account).text(), limit.sessions, Because(account).text());
    print_hint(text, limit, because);
    return text;
}

RefusalText refusal_by_rate(const SessionLimit& limit, const LimitAccount& account, const LimitedLogin& login,
                            const LimitNames& names) noexcept {
    RefusalText text;
    print_text(text.message, "too many logins%s", Counted(limit.key, login, names).text());
    print_text(text.detail, "The limit%s is %s%s", SetBy(account).text(),
               login_rate_text(limit.login_rate).text, Because(account).text());
    print_text(text.hint, "Keep connections open, and wait before you try again.");
    return text;
}

RefusalText refusal_by_reserve(const SlotSettings& settings) noexcept {
    RefusalText text;
    print_text(text.message, "remaining connection slots are reserved");
    print_text(text.detail, "The last %d are for the roles in pg_sessionctl.reserve_for.",
               settings.reserved_slots);
    text.hint[0] = '\0';
    return text;
}

EvictionText eviction_text(Timestamp idle_for, const Counted& counted) noexcept {
    EvictionText text;
    print_text(text.detail,
               "The session was idle for %s, and another login needed its place: there are too "
               "many sessions%s.",
               LengthOfTime(idle_for).text, counted.text());
    print_text(text.hint, "Connect again, or close connections that are not needed.");
    return text;
}

EvictionText eviction_text_for_slots(Timestamp idle_for, const SlotSettings& settings) noexcept {
    EvictionText text;
    print_text(
        text.detail,
        "The session was idle for %s, and the server keeps slots free (pg_sessionctl.free_slots is %d).",
        LengthOfTime(idle_for).text, settings.free_slots);
    print_text(text.hint, "Connect again, or close connections that are not needed.");
    return text;
}

PassText pass_text(const SessionLimit& limit, const LimitedLogin& login, const LimitNames& names,
                   int connected) noexcept {
    PassText text;
    const OneLine<shown_name_size> role(names.login_role != nullptr ? names.login_role : "",
                                        names.characters);
    print_text(text.message,
               "superuser \"%s\" logged in above a session limit: %d %s connected%s, the limit is %d",
               role.text(), connected, sessions_are(connected), Counted(limit.key, login, names).text(),
               limit.sessions);
    return text;
}

} // namespace sessionctl::core
