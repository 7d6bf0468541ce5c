// The exit codes of `baton`: an agreement with scripts, in docs/operations.md.
#pragma once

#include "absl/status/status.h"

namespace baton::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kUnavailable = 4,  // no node, no leader or no answer in time
  kConditionNotMet = 5,
};

inline ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kNotFound:
      return kNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kUnavailable;
    case absl::StatusCode::kAborted:
      return kConditionNotMet;
    default:
      return GetReason(status) == Reason::kConditionNotMet ? kConditionNotMet : kFailed;
  }
}

}  // namespace baton::cli
