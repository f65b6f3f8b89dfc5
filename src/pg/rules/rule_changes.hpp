// What transactions do to the worker that carries out the rules: they wake it, or keep it away.
#pragma once

namespace sessionctl::pg {

/// The rules may have changed: when this transaction commits, they are read again. It can't be prepared.
void wake_rules_at_commit();

/// Asks the worker to leave its database, waits until it has left, and keeps it away until this transaction
/// ends, or is rolled back to a savepoint before.
void keep_rules_away();

} // namespace sessionctl::pg
