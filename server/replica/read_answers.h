// What the two kinds of reads, by lease or quorum (ReadService) and of the applied state
// (AppliedReads), have in common. Functions, any thread.
#pragma once

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "engine/state/request.h"
#include "server/replica/answers.h"
#include "server/replica/board.h"
#include "server/replica/clock.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/metrics.h"

namespace baton::server {

// A scan of at most this many records is tried at once, on the caller's thread.
inline constexpr uint64_t kScanAtOnceMax = 16;

inline bool MayBeTriedAtOnce(const QueuedRead& read) {
  const auto* scan = std::get_if<engine::ScanSpec>(&read.request);
  return scan == nullptr || (scan->limit != 0 && scan->limit <= kScanAtOnceMax);
}

inline Revision NewestOf(const std::vector<std::optional<engine::Record>>& records) {
  Revision newest;
  for (const auto& record : records) {
    if (record) newest = std::max(newest, record->revision);
  }
  return newest;
}

inline Revision NewestOf(const std::vector<engine::Record>& records) {
  Revision newest;
  for (const engine::Record& record : records) newest = std::max(newest, record.revision);
  return newest;
}

// Answers a read that is past its deadline; false when it is not.
inline bool FailedLate(const QueuedRead& read, const Clock& clock, Metrics* metrics,
                       AnswerBatch* answers) {
  if (read.deadline_us > clock.LeaseNowUs()) return false;
  answers->Fail(read.to, DeadlineFailure());
  metrics->refused_deadline.Add();
  return true;
}

// Answers reads that no reader takes.
inline void FailUnread(const std::vector<QueuedRead>& reads, const Board& board, Metrics* metrics,
                       AnswerBatch* answers) {
  const bool stopping = board.Read().stopping;
  const Failure refusal = stopping ? ShuttingDownFailure() : OverloadedFailure("reader_jobs_max");
  for (const QueuedRead& read : reads) answers->Fail(read.to, refusal);
  (stopping ? metrics->refused_stopping : metrics->refused_overload).Add(reads.size());
}

}  // namespace baton::server
