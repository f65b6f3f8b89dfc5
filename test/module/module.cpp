#include "module.hpp"

extern "C" {
#include "storage/lwlock.h"
#include "storage/shmem.h"

PG_MODULE_MAGIC;
}

namespace sessionctl::test {

Shared& shared() {
    static Shared* memory = nullptr;
    if (memory == nullptr)
        memory = pg::call([] {
            bool found;
            LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
            void* const place = ShmemInitStruct("sessionctl_test", sizeof(Shared), &found);
            Shared* const made = found ? static_cast<Shared*>(place) : new (place) Shared{};
            LWLockRelease(AddinShmemInitLock);
            return made;
        });
    return *memory;
}

std::string_view text_argument(FunctionCallInfo fcinfo, int number) {
    return pg::call([fcinfo, number] { return text_to_cstring(PG_GETARG_TEXT_PP(number)); });
}

Datum text_result(const char* text) {
    return pg::call([text] { return CStringGetTextDatum(text); });
}

void refuse_word(const char* what, std::string_view word) {
    throw core::Error(core::sqlstate::invalid_parameter_value, "unknown %s \"%s\"", what, word.data());
}

} // namespace sessionctl::test
