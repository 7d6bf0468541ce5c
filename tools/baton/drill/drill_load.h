// DrillLoad: clients that write and read without a pause while a drill goes on, and what they saw.
//
// Each writer has a key of its own and counts up in it, so that what was acknowledged is known: a
// read that shows less is stale, and so is, at the end, a lost write.
//
// Owner: DrillRun. Callbacks come on the client's threads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "baton/client.h"

namespace baton::cli {

class DrillLoad {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kWriters = 64;
  static constexpr int kReaders = 4;
  static constexpr std::chrono::milliseconds kTick{100};

  struct Seen {
    uint64_t writes = 0;  // acknowledged
    uint64_t reads = 0;
    uint64_t stale = 0;   // reads that showed less than had been acknowledged before
    uint64_t errors = 0;  // given to these clients by the SDK
    std::string first_error;
    int64_t longest_gap_ms = 0;         // without an acknowledged write, one that lasts too
    std::vector<uint32_t> writes_each;  // per kTick
  };

  // `client` outlives this; keys begin with `prefix`.
  DrillLoad(Client* client, std::string keyspace, std::string prefix);
  ~DrillLoad() { End(); }
  DrillLoad(const DrillLoad&) = delete;
  DrillLoad& operator=(const DrillLoad&) = delete;

  // Returns once the last is answered.
  void End();
  // Since the beginning, or since ResetSeen.
  Seen seen() const BATON_EXCLUDES(mutex_);
  void ResetSeen() BATON_EXCLUDES(mutex_);
  std::chrono::milliseconds Elapsed() const BATON_EXCLUDES(mutex_);

  // Of the writes acknowledged, how many are not there any more. Removes the keys. REQUIRES: ended.
  absl::StatusOr<uint64_t> CountLost();

 private:
  void StartWrite(int i);
  void StartRead(int i);
  void NoteWritten() BATON_EXCLUDES(mutex_);
  void NoteError(const absl::Status& status) BATON_EXCLUDES(mutex_);
  std::string Key(int i) const { return prefix_ + std::to_string(i); }
  CallOptions Options() const;

  Client* const client_;
  const std::string keyspace_;
  const std::string prefix_;
  std::atomic<bool> ended_ = false;
  std::atomic<int> running_ = 0;
  std::vector<std::atomic<uint64_t>> acknowledged_;  // by writer: its last number
  mutable Mutex mutex_;
  Clock::time_point since_ BATON_GUARDED_BY(mutex_) = Clock::now();
  Clock::time_point last_ BATON_GUARDED_BY(mutex_) = Clock::now();
  Clock::duration gap_ BATON_GUARDED_BY(mutex_) = {};
  Seen seen_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::cli
