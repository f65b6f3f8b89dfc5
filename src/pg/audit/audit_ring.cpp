#include "pg/audit/audit_ring.hpp"

#include "pg/error.hpp"
#include "pg/shared_memory.hpp"

#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "storage/fd.h"
#include "storage/shmem.h"
}

namespace sessionctl::pg {

namespace {

constexpr char audit_file[] = "pg_stat/pg_sessionctl.audit";
constexpr char new_audit_file[] = "pg_stat/pg_sessionctl.audit.new";
constexpr char bad_audit_file[] = "pg_stat/pg_sessionctl.audit.bad";

/// Precedes the records in the file. Another version is needed if they change.
struct Header {
    char magic[16];
    std::uint32_t format;
    std::uint32_t record_size;
    std::int64_t count;
    std::uint64_t checksum; // of all records
};

constexpr char magic[16] = "pg_sessionctl 1";
constexpr std::uint32_t format = 3;

/// FNV-1a: it detects damage, not forgery.
std::uint64_t checksum_of(std::uint64_t sum, const AuditRecord& record) noexcept {
    for (const auto byte : reinterpret_cast<const unsigned char(&)[sizeof(AuditRecord)]>(record))
        sum = (sum ^ byte) * 1099511628211U;
    return sum;
}
constexpr std::uint64_t checksum_start = 14695981039346656037U;

Header header_of(const AuditRing& ring, std::int64_t count) noexcept {
    Header header = {};
    std::memcpy(header.magic, magic, sizeof magic);
    header.format = format;
    header.record_size = sizeof(AuditRecord);
    header.count = count;
    header.checksum = checksum_start;
    for (std::int64_t i = ring.written - count; i < ring.written; ++i)
        header.checksum = checksum_of(header.checksum, ring.records[i % ring.capacity]);
    return header;
}

bool write_records(const AuditRing& ring, FILE* file) noexcept {
    const std::int64_t count = std::min<std::int64_t>(ring.written, ring.capacity);
    const Header header = header_of(ring, count);
    bool is_written = fwrite(&header, sizeof header, 1, file) == 1;
    for (std::int64_t i = ring.written - count; is_written && i < ring.written; ++i)
        is_written = fwrite(&ring.records[i % ring.capacity], sizeof(AuditRecord), 1, file) == 1;
    return is_written && fflush(file) == 0 && pg_fsync(fileno(file)) == 0;
}

/// Written under another name and renamed, so that the file is complete or absent.
bool save(const AuditRing& ring) noexcept {
    FILE* const file = fopen(new_audit_file, "wb");
    if (file == nullptr)
        return false;
    const bool is_written = write_records(ring, file);
    if (fclose(file) == 0 && is_written && rename(new_audit_file, audit_file) == 0)
        return true;
    const int why = errno;
    unlink(new_audit_file);
    errno = why;
    return false;
}

bool is_sound(const Header& header, std::int64_t file_size) noexcept {
    return std::memcmp(header.magic, magic, sizeof magic) == 0 && header.format == format &&
           header.record_size == sizeof(AuditRecord) && header.count >= 0 &&
           header.count <= file_size / static_cast<std::int64_t>(sizeof(AuditRecord)) &&
           file_size == static_cast<std::int64_t>(sizeof header) +
                            header.count * static_cast<std::int64_t>(sizeof(AuditRecord));
}

/// Reads the file into the ring. If the file holds more than the ring, reads the newest records.
bool read_all(AuditRing& ring, FILE* file) noexcept {
    Header header;
    struct stat status;
    if (fstat(fileno(file), &status) != 0 || fread(&header, sizeof header, 1, file) != 1 ||
        !is_sound(header, status.st_size))
        return false;
    std::uint64_t checksum = checksum_start;
    for (std::int64_t i = 0; i < header.count; ++i) {
        AuditRecord record;
        if (fread(&record, sizeof record, 1, file) != 1)
            return false;
        checksum = checksum_of(checksum, record);
        if (ring.capacity > 0)
            ring.records[ring.written++ % ring.capacity] = record;
    }
    return checksum == header.checksum;
}

} // namespace

Size AuditRing::size(int capacity) {
    return add_size(offsetof(AuditRing, records), mul_size(sizeof(AuditRecord), capacity));
}

void AuditRing::append(const AuditRecord& record) noexcept {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr || shared->audit->capacity == 0)
        return;
    AuditRing& ring = *shared->audit;
    LWLockAcquire(shared->audit_lock, LW_EXCLUSIVE);
    ring.records[ring.written % ring.capacity] = record;
    ++ring.written;
    LWLockRelease(shared->audit_lock);
}

core::vector<AuditRecord> AuditRing::read() {
    SharedMemory& shared = require_shared_memory("session_audit");
    const AuditRing& ring = *shared.audit;
    core::vector<AuditRecord> records;
    records.reserve(static_cast<std::size_t>(ring.capacity));
    call([&] {
        LWLockAcquire(shared.audit_lock, LW_SHARED);
        const std::int64_t count = std::min<std::int64_t>(ring.written, ring.capacity);
        for (std::int64_t i = ring.written - count; i < ring.written; ++i)
            records.push_back(ring.records[i % ring.capacity]); // cannot allocate: reserved above
        LWLockRelease(shared.audit_lock);
    });
    return records;
}

void AuditRing::load() {
    unlink(new_audit_file); // left by a crash
    FILE* const file = fopen(audit_file, "rb");
    if (file == nullptr)
        return;
    const bool is_read = read_all(*this, file);
    fclose(file);
    if (is_read)
        return;
    written = 0;
    const bool is_aside = rename(audit_file, bad_audit_file) == 0;
    ereport(WARNING,
            (errmsg("the audit of pg_sessionctl in \"%s\" is damaged or of another version", audit_file),
             is_aside ? errdetail("It was set aside as \"%s\"; session_audit begins anew.", bad_audit_file)
                      : errdetail("session_audit begins anew.")));
}

void AuditRing::save_at_exit(int code, Datum) noexcept {
    const SharedMemory* const shared = shared_memory();
    if (code != 0 || shared == nullptr)
        return;
    if (!save(*shared->audit))
        ereport(LOG, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", audit_file)));
}

} // namespace sessionctl::pg
