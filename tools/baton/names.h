// Names of members, for records that know their ids alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/baton/context.h"

namespace baton::cli {

// The members of now by node id; one that has gone meanwhile is known by its id alone.
using Names = std::map<uint32_t, std::string>;

// None where nobody can be asked: a record is worth more than the names in it.
Names ReadNames(const Context& context);
// "-" for no node.
std::string NameOf(const Names& names, uint32_t node);

// NOT_FOUND if there is no keyspace of that name, and never was one: a list of nothing would say
// the same of a slip of the pen. "": any.
absl::Status CheckKeyspaceEverWas(const Context& context, const std::string& name);

}  // namespace baton::cli
