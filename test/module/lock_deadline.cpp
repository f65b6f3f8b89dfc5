// A lock deadline without a lock.
#include "module.hpp"

#include "pg/locks/lock_deadline.hpp"

using namespace sessionctl;

SQL_FUNCTION(sessionctl_test_start_lock_deadline)
{
    return pg::entry([]() -> Datum {
        pg::start_lock_deadline();
        return 0;
    });
}
