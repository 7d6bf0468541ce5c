#include "server/replica/handover_checks.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace baton::server {
namespace {

HandoverCheck YesOrNo(const char* name, const char* wanted, const char* other, bool passed) {
  return {name, wanted, passed ? wanted : other, passed};
}

HandoverCheck AtMost(const char* name, uint64_t limit, uint64_t found, const char* unit) {
  return {name, absl::StrCat("at most ", limit, " ", unit), absl::StrCat(found, " ", unit),
          found <= limit};
}

const char* NameOf(consensus::DiskClass disk) {
  switch (disk) {
    case consensus::DiskClass::kNormal:
      return "as usual for it";
    case consensus::DiskClass::kSlow:
      return "slower than usual for it";
    case consensus::DiskClass::kStuck:
      return "stuck";
  }
  return "unknown";
}

// So many times as long as the leader's own, or no longer than the floor.
int64_t WriteLimitUs(const HandoverView& view, const Policy& policy) {
  const auto factor = static_cast<int64_t>(policy[PolicyLimit::kHandoverWriteFactor]);
  return std::max(policy.Us(PolicyLimit::kHandoverWriteFloor), factor * view.own_write_us);
}

}  // namespace

std::vector<HandoverCheck> CheckTarget(const HandoverView& view, const TellReady& told,
                                       const Policy& policy) {
  const auto clock_us = static_cast<uint64_t>(std::llabs(view.wall_time_us - told.wall_time_us));
  const bool usual = view.health.disk == consensus::DiskClass::kNormal;
  return {
      YesOrNo("voter", "a voter", "no voter", view.voter),
      YesOrNo("members", "settled", "a change is under way", !view.changing),
      YesOrNo("barred", "not barred", "barred by an operator", !told.barred),
      YesOrNo("recovering", "recovered", "it replays, or has no room", !view.health.recovering),
      AtMost("lag", policy[PolicyLimit::kHandoverLag], view.lag, "entries"),
      AtMost("apply", policy[PolicyLimit::kHandoverUnapplied], told.unapplied, "entries"),
      {"disk", NameOf(consensus::DiskClass::kNormal), NameOf(view.health.disk), usual},
      AtMost("headroom", static_cast<uint64_t>(WriteLimitUs(view, policy)),
             static_cast<uint64_t>(told.write_us), "us a log write"),
      YesOrNo("snapshot", "none", "one is on its way to it", !told.installing),
      AtMost("clock", static_cast<uint64_t>(policy.Us(PolicyLimit::kHandoverClock)), clock_us,
             "us apart"),
      {"room", "its disk is not nearly full",
       absl::StrCat(told.log_room_bytes, " bytes of log prepared",
                    told.nearly_full ? ", disk nearly full" : ""),
       !told.nearly_full},
  };
}

std::string FailedChecks(const std::vector<HandoverCheck>& checks) {
  std::string failed;
  for (const HandoverCheck& check : checks) {
    if (check.passed) continue;
    absl::StrAppend(&failed, failed.empty() ? "" : "; ", check.name, ": ", check.measured,
                    ", wanted: ", check.limit);
  }
  return failed;
}

}  // namespace baton::server
