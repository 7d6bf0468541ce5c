#include "client/retry.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/status/status.h"

namespace baton::client {
namespace {

constexpr int kUnavailable = static_cast<int>(absl::StatusCode::kUnavailable);

TEST(Judge, SuccessIsDone) {
  EXPECT_EQ(Judge(0, v1::REASON_UNSPECIFIED, true), Verdict::kDone);
  EXPECT_EQ(Judge(0, v1::REASON_UNSPECIFIED, false), Verdict::kDone);
}

TEST(Judge, WritesAreSentAgainOnlyIfTheySurelyHadNoEffect) {
  for (const v1::Reason reason :
       {v1::REASON_NOT_LEADER, v1::REASON_NO_LEADER, v1::REASON_SHUTTING_DOWN,
        v1::REASON_FORWARDED_TWICE, v1::REASON_UNFORMED, v1::REASON_LOG_FAULTY}) {
    EXPECT_EQ(Judge(kUnavailable, reason, true), Verdict::kFindLeader) << reason;
  }
  EXPECT_EQ(Judge(kUnavailable, v1::REASON_OVERLOADED, true), Verdict::kLater);
  EXPECT_EQ(Judge(kUnavailable, v1::REASON_OUTCOME_UNKNOWN, true), Verdict::kFateUnknown);
}

TEST(Judge, AWriteThatFailedWithoutAReasonIsOfUnknownFate) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kInternal, absl::StatusCode::kUnknown,
        absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kCancelled}) {
    EXPECT_EQ(Judge(static_cast<int>(code), v1::REASON_UNSPECIFIED, true), Verdict::kFateUnknown);
  }
  // A reason that only a later server knows says no more than none.
  EXPECT_EQ(Judge(kUnavailable, static_cast<v1::Reason>(999), true), Verdict::kFateUnknown);
  // Refused before anything could happen.
  EXPECT_EQ(
      Judge(static_cast<int>(absl::StatusCode::kInvalidArgument), v1::REASON_UNSPECIFIED, true),
      Verdict::kFail);
}

TEST(Judge, ReadsAreRepeatedFreely) {
  EXPECT_EQ(Judge(kUnavailable, v1::REASON_OUTCOME_UNKNOWN, false), Verdict::kFindLeader);
  EXPECT_EQ(Judge(kUnavailable, v1::REASON_UNSPECIFIED, false), Verdict::kFindLeader);
  EXPECT_EQ(JudgeBroken(false), Verdict::kFindLeader);
  EXPECT_EQ(JudgeBroken(true), Verdict::kFateUnknown);
}

TEST(Judge, RefusalsThatRepeatingCannotMendAreFinal) {
  for (const v1::Reason reason :
       {v1::REASON_LIMIT_EXCEEDED, v1::REASON_KEYSPACE_UNKNOWN, v1::REASON_INVALID_ARGUMENT,
        v1::REASON_CONDITION_NOT_MET, v1::REASON_CLUSTER_MISMATCH, v1::REASON_DISK_FULL,
        v1::REASON_DEADLINE, v1::REASON_NOT_SUPPORTED}) {
    EXPECT_EQ(Judge(kUnavailable, reason, true), Verdict::kFail) << reason;
    EXPECT_EQ(Judge(kUnavailable, reason, false), Verdict::kFail) << reason;
  }
}

TEST(BackoffUs, GrowsToItsMaximumAndKeepsHalf) {
  const Backoff backoff{1'000, 10'000};
  const std::vector<int64_t> whole = {1'000, 2'000, 4'000, 8'000, 10'000, 10'000};
  for (size_t attempt = 0; attempt < whole.size(); ++attempt) {
    const int n = static_cast<int>(attempt);
    EXPECT_EQ(BackoffUs(backoff, n, 0), whole[attempt] / 2);
    EXPECT_EQ(BackoffUs(backoff, n, static_cast<uint64_t>(whole[attempt] / 2)), whole[attempt]);
    for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3) {
      EXPECT_GE(BackoffUs(backoff, n, random), whole[attempt] / 2);
      EXPECT_LE(BackoffUs(backoff, n, random), whole[attempt]);
    }
  }
  EXPECT_LE(BackoffUs(backoff, INT32_MAX, 7), 10'000);
}

}  // namespace
}  // namespace baton::client
