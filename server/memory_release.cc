#include "server/memory_release.h"

#include <malloc.h>

namespace baton::server {

bool MemoryRelease::Tick(uint64_t work, int64_t now_us) {
  if (work != work_) {
    work_ = work;
    changed_us_ = now_us;
    done_ = false;
  }
  // Not earlier: it holds the allocator's locks for milliseconds.
  if (done_ || now_us - changed_us_ < kIdleUs) return false;
  done_ = true;
  malloc_trim(0);
  return true;
}

}  // namespace baton::server
