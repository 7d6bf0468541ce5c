#include <algorithm>
#include <set>

#include "tests/sim/check_history.h"

namespace baton::sim {

using history::Kind;
using history::Operation;
using history::Outcome;

std::string CheckRevisions(const std::vector<Operation>& history) {
  std::vector<const Operation*> by_invocation;
  std::set<uint64_t> given;
  for (const Operation& one : history) {
    const bool acked = one.kind != Kind::kGet && one.outcome == Outcome::kOk;
    if (!acked || one.revision == 0) continue;  // 0: it changed nothing
    if (!given.insert(one.revision).second) {
      return "revisions: " + std::to_string(one.revision) + " was given twice";
    }
    by_invocation.push_back(&one);
  }
  std::vector<const Operation*> by_return = by_invocation;
  std::stable_sort(
      by_invocation.begin(), by_invocation.end(),
      [](const Operation* a, const Operation* b) { return a->invoked_us < b->invoked_us; });
  std::stable_sort(by_return.begin(), by_return.end(), [](const Operation* a, const Operation* b) {
    return a->returned_us < b->returned_us;
  });
  uint64_t newest = 0;  // of what had returned
  auto returned = by_return.begin();
  for (const Operation* one : by_invocation) {
    for (; returned != by_return.end() && (*returned)->returned_us < one->invoked_us; ++returned) {
      newest = std::max(newest, (*returned)->revision);
    }
    if (one->revision < newest) {
      return "revisions: " + std::to_string(one->revision) + " was given after " +
             std::to_string(newest);
    }
  }
  return "";
}

}  // namespace baton::sim
