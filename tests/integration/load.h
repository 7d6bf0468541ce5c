// Load: clients that write and read without a pause until it is destroyed, and count what they are
// refused: each error is a failure of the test. It knows the longest time in which no write was
// acknowledged.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/mutex.h"
#include "baton/client.h"
#include "tests/integration/in_flight.h"

namespace baton::testing {

class Load {
 public:
  static constexpr int kWriters = 64;
  static constexpr int kReaders = 4;

  explicit Load(Client* client);
  ~Load() { End(); }

  // Returns once the last is answered.
  void End();
  uint64_t written() const { return written_; }
  uint64_t read() const { return read_; }
  uint64_t errors() const { return errors_; }
  // Between two acknowledgements of writes, since the last ResetGap.
  std::chrono::milliseconds longest_gap() const BATON_EXCLUDES(mutex_);
  void ResetGap() BATON_EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;

  void StartWrite(int i);
  void StartRead(int i);
  void NoteWritten() BATON_EXCLUDES(mutex_);

  Client* const client_;
  std::atomic<bool> ended_ = false;
  InFlight running_;
  std::atomic<uint64_t> written_ = 0, read_ = 0, errors_ = 0;
  mutable Mutex mutex_;
  Clock::time_point last_ BATON_GUARDED_BY(mutex_) = Clock::now();
  Clock::duration gap_ BATON_GUARDED_BY(mutex_) = {};
};

}  // namespace baton::testing
