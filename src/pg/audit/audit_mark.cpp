#include "pg/audit/audit_mark.hpp"

#include "pg/durable_file.hpp"
#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/shared_memory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

extern "C" {
#include "storage/ipc.h"
}

namespace sessionctl::pg {

namespace {

/// No base backup contains this directory, so a copy of the data directory has no mark.
constexpr char mark_file[] = "pg_stat_tmp/pg_sessionctl.mark";
constexpr core::Timestamp lock_timeout = core::microseconds_per_second;

AuditMark own_mark = {}; // as read by this process; empty: not read yet

/// "start mark\n"
struct MarkFile {
    static constexpr std::size_t longest = 64;

    char text[longest];

    static MarkFile of(const AuditMark& mark) noexcept {
        MarkFile file;
        std::snprintf(file.text, sizeof file.text, "%lld %s\n", static_cast<long long>(PgStartTime),
                      mark.text);
        return file;
    }

    /// False if it is incomplete, or from another start of the server.
    bool read(AuditMark& mark) const noexcept {
        const char* const found = std::strchr(text, ' ');
        if (found == nullptr || std::strlen(found + 1) != AuditMark::size)
            return false;
        std::memcpy(mark.text, found + 1, AuditMark::size - 1);
        mark.text[AuditMark::size - 1] = '\0';
        return std::strcmp(of(mark).text, text) == 0;
    }
};

/// A process that has the file open does nothing but read and write it.
bool lock(int file) noexcept {
    const core::Timestamp deadline = monotonic_now() + lock_timeout;
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || monotonic_now() >= deadline)
            return false;
        pg_usleep(1000);
    }
    return true;
}

/// Reads this file's mark. If it has none of this start, writes the fresh one.
bool share(int file, const AuditMark& fresh, AuditMark& mark) noexcept {
    MarkFile found = {};
    if (!lock(file) || read_all(file, found.text, sizeof found.text - 1) < 0)
        return false;
    if (found.read(mark))
        return true;
    mark = fresh;
    const MarkFile next = MarkFile::of(mark);
    const std::size_t length = std::strlen(next.text);
    // Overwriting needs no space on disk.
    return lseek(file, 0, SEEK_SET) == 0 && write_all(file, next.text, length) &&
           ftruncate(file, static_cast<off_t>(length)) == 0;
}

void read_own() {
    call([] {
        AuditMark fresh;
        fresh.renew();
        const int file = open(mark_file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        AuditMark mark = {};
        const bool is_shared = file >= 0 && share(file, fresh, mark);
        const int why = errno;
        if (file >= 0)
            close(file);
        errno = why;
        if (!is_shared)
            ereport(ERROR,
                    (errcode_for_file_access(), errmsg("could not read or write file \"%s\": %m", mark_file),
                     errdetail("It has the mark of the audit's lines in the server log.")));
        own_mark = mark;
    });
}

} // namespace

void AuditMark::renew() {
    unsigned char bytes[(size - 1) / 2];
    if (!compat::strong_random(bytes, sizeof bytes))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                        errmsg("pg_sessionctl could not generate the mark of the audit's lines")));
    for (std::size_t i = 0; i < sizeof bytes; ++i)
        std::snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

const char* audit_mark() {
    if (const SharedMemory* const shared = shared_memory())
        return shared->mark.text;
    if (own_mark.text[0] == '\0')
        read_own();
    return own_mark.text;
}

const char* audit_mark_or_none() noexcept {
    const char* mark = "none";
    callback([&mark] { mark = audit_mark(); });
    return mark;
}

} // namespace sessionctl::pg
