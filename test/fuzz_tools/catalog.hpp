// What the server's catalog offers: the columns of a session, types, operators and functions, those of the
// hostile schema among them, and the functions of pg_sessionctl with their arguments. A new one comes in by
// itself.
#pragma once

#include <libpq-fe.h>

#include <map>
#include <string>
#include <vector>

namespace fuzz {

using TypeName = std::string; // as format_type() has it

struct Operation { // an operator, or a function
    std::string name;
    std::vector<TypeName> arguments;
};

struct Parameter {
    std::string name;
    TypeName type;
};

struct Callable { // a function of pg_sessionctl
    std::string name;
    std::vector<Parameter> parameters;
};

struct Catalog {
    std::map<TypeName, std::vector<std::string>> columns; // by type
    std::vector<TypeName> types;
    std::map<TypeName, std::vector<Operation>> operators; // by what they return
    std::map<TypeName, std::vector<Operation>> functions;
    std::vector<Callable> callables;
    std::vector<std::string> settings; // which anybody may set
};

Catalog read_catalog(PGconn* connection);

} // namespace fuzz
