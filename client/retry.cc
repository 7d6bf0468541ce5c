#include "client/retry.h"

#include <algorithm>

#include "absl/status/status.h"

namespace baton::client {
namespace {

// Codes under which a server of a later version, or gRPC itself, may have failed half-way.
bool MayHaveTakenEffect(int code) {
  switch (static_cast<absl::StatusCode>(code)) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

}  // namespace

Verdict Judge(int code, v1::Reason reason, bool write) {
  if (code == 0) return Verdict::kDone;
  switch (reason) {
    case v1::REASON_NOT_LEADER:
    case v1::REASON_NO_LEADER:
    case v1::REASON_SHUTTING_DOWN:
    case v1::REASON_FORWARDED_TWICE:
    case v1::REASON_UNFORMED:
    case v1::REASON_LOG_FAULTY:
    case v1::REASON_TOO_STALE:
      return Verdict::kFindLeader;
    case v1::REASON_OVERLOADED:
      return Verdict::kLater;
    case v1::REASON_OUTCOME_UNKNOWN:
      return JudgeBroken(write);
    case v1::REASON_LIMIT_EXCEEDED:
    case v1::REASON_KEYSPACE_UNKNOWN:
    case v1::REASON_INVALID_ARGUMENT:
    case v1::REASON_CONDITION_NOT_MET:
    case v1::REASON_CLUSTER_MISMATCH:
    case v1::REASON_DISK_FULL:
    case v1::REASON_DEADLINE:
    case v1::REASON_NOT_SUPPORTED:
    case v1::REASON_FORMED_DIFFERENTLY:
    case v1::REASON_POSITION_LOST:
    case v1::REASON_BUDGET_USED:
    case v1::REASON_VALUE_UNFIT:
    case v1::REASON_FENCED:
    case v1::REASON_SESSION_UNKNOWN:
    case v1::REASON_SESSION_TOO_OLD:
    case v1::REASON_HANDOVER_REFUSED:
    case v1::REASON_POLICY_REFUSED:
      return Verdict::kFail;
    default:  // none given, or one that a later server knows
      if (write && MayHaveTakenEffect(code)) return Verdict::kFateUnknown;
      if (!write && code == static_cast<int>(absl::StatusCode::kUnavailable)) {
        return Verdict::kFindLeader;
      }
      return Verdict::kFail;
  }
}

bool IsKept(v1::Reason reason) {
  switch (reason) {
    case v1::REASON_CONDITION_NOT_MET:
    case v1::REASON_VALUE_UNFIT:
    case v1::REASON_LIMIT_EXCEEDED:
    case v1::REASON_INVALID_ARGUMENT:
    case v1::REASON_FENCED:
      return true;
    default:
      return false;
  }
}

int64_t BackoffUs(const Backoff& backoff, int attempt, uint64_t random) {
  int64_t whole_us = backoff.first_us;
  for (int i = 0; i < attempt && whole_us < backoff.max_us; ++i) whole_us *= 2;
  whole_us = std::min(whole_us, backoff.max_us);
  const int64_t half_us = whole_us / 2;
  return half_us + static_cast<int64_t>(random % static_cast<uint64_t>(whole_us - half_us + 1));
}

}  // namespace baton::client
