// Gives memory back to the system once a burst is over: the allocator keeps what a burst needed,
// in arenas of every thread, for as long as the process lives.
//
// Owner: Server. One thread.
#pragma once

#include <cstdint>

namespace baton::server {

class MemoryRelease {
 public:
  static constexpr int64_t kIdleUs = 5'000'000;  // without work, before memory is given back

  // To be called now and then. `work`: any count that grows with what the node does. Once for each
  // time that it has stood still for kIdleUs, gives memory back and returns true.
  bool Tick(uint64_t work, int64_t now_us);

 private:
  uint64_t work_ = 0;       // when last looked at
  int64_t changed_us_ = 0;  // when it last grew
  bool done_ = true;        // since then
};

}  // namespace baton::server
