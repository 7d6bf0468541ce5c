// DiskGuard: has the worker prepare log segments, and says when the disk is too full for client
// writes. Reads, elections and the freeing of space go on then.
//
// Any thread. Tasks that the worker still holds when the guard is destroyed do nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/replica/clock.h"
#include "server/replica/metrics.h"
#include "server/replica/worker.h"
#include "wal/file_system.h"
#include "wal/wal.h"

namespace baton::server {

class DiskGuard {
 public:
  static constexpr int64_t kLookUs = 1'000'000;  // at most one look at the disk in this time
  static constexpr uint64_t kSegmentsKept = 2;   // room below which a full disk refuses writes
  static constexpr uint64_t kNearReserves = 2;   // nearly full: less free than so many reserves

  DiskGuard(wal::Wal* wal, wal::FileSystem* fs, std::string directory, uint64_t segment_bytes,
            uint64_t reserve_bytes, Worker* worker, const Clock* clock, Metrics* metrics,
            std::function<void(const std::string& reason)> fatal);
  ~DiskGuard();  // cuts short and awaits a task that runs

  // Has the worker prepare segments, unless it is about to.
  void PrepareSegments();
  // Whether client writes must be refused now. Has the worker look at the disk from time to time.
  bool Full();
  // The same, as it was found last.
  bool WasFull() const;
  // Whether what can be spared must go now, while writes are still taken. Looks as Full does.
  bool NearlyFull();

 private:
  struct Shared;

  void LookSometimes();

  wal::Wal* const wal_;
  const std::shared_ptr<Shared> shared_;
  Worker* const worker_;
  const Clock* const clock_;
  std::atomic<int64_t> next_look_us_{0};
};

}  // namespace baton::server
