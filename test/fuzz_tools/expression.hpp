// Random expressions by a grammar: mostly well typed, so that they come far; sometimes with a few characters
// changed.
#pragma once

#include "catalog.hpp"
#include "chance.hpp"

#include <string>

namespace fuzz {

class Expressions {
  public:
    Expressions(const Catalog& catalog, Chance& chance) : catalog_(catalog), chance_(chance) {}

    std::string condition();
    std::string literal(const TypeName& type); // a value of that type, or nearly
    std::string text();                        // any text, as a literal of SQL

  private:
    std::string of(TypeName type, int depth);
    std::string boolean(int depth);
    std::string leaf(const TypeName& type);
    std::string column(const TypeName& type);
    std::string operation(const TypeName& type, int depth);
    std::string call(const Operation& function, int depth);
    std::string subquery(const TypeName& type, int depth);
    std::string spoiled(std::string text);
    TypeName concrete(const TypeName& type);
    const TypeName& any_type() { return chance_.one_of(catalog_.types); }

    const Catalog& catalog_;
    Chance& chance_;
};

std::string quoted(const std::string& text); // as a literal that every setting reads alike

} // namespace fuzz
