#include "core/locks/lock_mode.hpp"

#include "core/error.hpp"
#include "core/memory.hpp"

#include <algorithm>
#include <iterator>

namespace sessionctl::core {

namespace {

constexpr const char* names[] = {
    "AccessShareLock", "RowShareLock",          "RowExclusiveLock", "ShareUpdateExclusiveLock",
    "ShareLock",       "ShareRowExclusiveLock", "ExclusiveLock",    "AccessExclusiveLock",
};

/// "AccessShareLock" and "access share" are both "accessshare".
string bare(const char* name) {
    string text;
    for (; *name != '\0'; ++name)
        if (*name != ' ')
            text.push_back(*name >= 'A' && *name <= 'Z' ? static_cast<char>(*name - 'A' + 'a') : *name);
    if (text.size() > 4 && text.compare(text.size() - 4, 4, "lock") == 0)
        text.resize(text.size() - 4);
    return text;
}

} // namespace

int checked_lock_mode(const char* name) {
    const string wanted = bare(name);
    const auto found = std::find_if(std::begin(names), std::end(names),
                                    [&wanted](const char* each) { return bare(each) == wanted; });
    if (found != std::end(names))
        return static_cast<int>(found - std::begin(names)) + 1;
    throw Error(sqlstate::invalid_parameter_value, "unknown lock mode \"%s\"", name)
        .hint("From the weakest to the strongest: AccessShareLock, RowShareLock, RowExclusiveLock, "
              "ShareUpdateExclusiveLock, ShareLock, ShareRowExclusiveLock, ExclusiveLock, "
              "AccessExclusiveLock.");
}

} // namespace sessionctl::core
