#include "pg/audit/audit_transaction.hpp"

#include "pg/error.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::pg {

namespace {

/// In the transaction's memory context, the last one first.
struct Pending {
    Pending* before;
    SubTransactionId subtransaction;
    AuditRecord record;
};
Pending* last = nullptr;

/// In the order of the calls. The transaction has ended: an error would be a PANIC.
void keep_all(const char* instead_of_result) noexcept {
    callback([instead_of_result] {
        const MemoryScope memory(TopTransactionContext);
        Pending* first = nullptr;
        while (last != nullptr) {
            Pending* const each = std::exchange(last, last->before);
            each->before = std::exchange(first, each);
        }
        for (; first != nullptr; first = first->before) {
            if (instead_of_result != nullptr)
                first->record.result.set(instead_of_result);
            keep_record(first->record);
        }
    });
    last = nullptr;
}

extern "C" void sessionctl_audit_transaction(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_COMMIT:
        keep_all(nullptr);
        break;
    case XACT_EVENT_PREPARE:
        keep_all("prepared");
        break;
    case XACT_EVENT_ABORT:
        last = nullptr;
        break;
    default:
        break;
    }
}

extern "C" void sessionctl_audit_subtransaction(SubXactEvent event, SubTransactionId id,
                                                SubTransactionId parent, void*) {
    if (event == SUBXACT_EVENT_ABORT_SUB)
        while (last != nullptr && last->subtransaction == id)
            last = last->before;
    if (event == SUBXACT_EVENT_COMMIT_SUB)
        for (Pending* each = last; each != nullptr && each->subtransaction == id; each = each->before)
            each->subtransaction = parent;
}

} // namespace

void keep_at_commit(const AuditRecord& record) {
    call([&record] {
        static bool is_registered = false;
        if (!std::exchange(is_registered, true)) {
            RegisterXactCallback(sessionctl_audit_transaction, nullptr);
            RegisterSubXactCallback(sessionctl_audit_subtransaction, nullptr);
        }
        auto* const pending =
            static_cast<Pending*>(MemoryContextAlloc(TopTransactionContext, sizeof(Pending)));
        pending->before = last;
        pending->subtransaction = GetCurrentSubTransactionId();
        pending->record = record;
        last = pending;
    });
    audit_mark_or_none(); // read now: at commit an error would come too late
}

} // namespace sessionctl::pg
