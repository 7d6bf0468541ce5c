#include <map>

#include "tests/sim/check_history.h"

namespace baton::sim {
namespace {

using history::Kind;
using history::Operation;
using history::Outcome;

struct KeyEnd {
  const Operation* found = nullptr;   // last get that succeeded
  const Operation* newest = nullptr;  // acknowledged write that was invoked last
};

// Whether `write` can have left what was found.
bool Left(const Operation& write, const Operation& found) {
  if (write.key != found.key || write.outcome == Outcome::kFailed) return false;
  return found.value ? write.kind == Kind::kPut && write.value == found.value
                     : write.kind == Kind::kDelete;
}

}  // namespace

std::string CheckDurability(const std::vector<Operation>& history) {
  std::map<std::string, KeyEnd> keys;
  for (const Operation& one : history) {
    if (one.outcome != Outcome::kOk) continue;
    KeyEnd& end = keys[one.key];
    const Operation*& last = one.kind == Kind::kGet ? end.found : end.newest;
    if (last == nullptr || last->invoked_us <= one.invoked_us) last = &one;
  }
  for (const auto& [key, end] : keys) {
    if (end.newest == nullptr) continue;
    if (end.found == nullptr) return "durability: key " + key + " was not read in the end";
    bool explained = false;
    for (const Operation& write : history) {
      // An unknown one takes effect whenever it likes; others not before the newest's invocation.
      explained =
          explained || (Left(write, *end.found) && (write.outcome == Outcome::kUnknown ||
                                                    write.returned_us >= end.newest->invoked_us));
    }
    if (!explained) {
      return "durability: the acknowledged write of key " + key + " at " +
             std::to_string(end.newest->invoked_us) + " us by client " +
             std::to_string(end.newest->client) + " is lost; found in the end: " +
             (end.found->value ? "\"" + end.found->value->substr(0, 40) + "\"" : "nothing");
    }
  }
  return "";
}

}  // namespace baton::sim
