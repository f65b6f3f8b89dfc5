#include "worker/rules/loaded_rule.hpp"

#include "core/error.hpp"
#include "pg/encoding.hpp"
#include "pg/memory.hpp"
#include "pg/subtransaction.hpp"
#include "worker/rules/rule_records.hpp"

namespace sessionctl::worker {

namespace {} // namespace

LoadedRule::LoadedRule(const pg::RuleRow& read)
    : memory(pg::call([] { return compat::create_context(TopMemoryContext, "session rule"); })),
      row(pg::copy_of(read, memory)) {}

LoadedRule::~LoadedRule() {
    condition.reset();
    MemoryContextDelete(memory);
}

std::unique_ptr<LoadedRule> load_rule(const pg::RuleRow& row) {
    auto made = std::make_unique<LoadedRule>(row);
    change_records([&made] {
        made->record = find_or_take_record(made->row);
        if (made->record == nullptr)
            return;
        made->record->owner = made->row.owner_oid;
        if (std::strcmp(made->record->version, made->row.version) == 0)
            return; // this process is new, not the rule
        strlcpy(made->record->version, made->row.version, sizeof made->record->version);
        made->record->is_switched_off = false;
        made->record->last_error[0] = '\0';
    });
    if (made->record == nullptr)
        pg::call([&row] {
            ereport(
                LOG,
                (errmsg("pg_sessionctl: rule \"%s\" is not checked: there can be at most %d session rules",
                        pg::ShownName(row.name).text(), core::most_rules)));
        });
    try {
        made->rule = pg::rule_of(made->row);
        if (made->record != nullptr)
            made->record->action = made->rule.action;
        const pg::MemoryScope own(made->memory);
        const pg::ErrorMemory errors;
        pg::in_subtransaction([&made] { made->condition.emplace(pg::text_of(made->row)); });
    } catch (const pg::PgError& error) {
        made->problem = error.what();
    } catch (const core::Error& error) {
        made->problem = error.what();
    }
    return made;
}

} // namespace sessionctl::worker
