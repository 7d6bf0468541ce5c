// KeyspaceSizes: how much disk keyspaces take, as last measured. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "base/types.h"

namespace baton::engine {

class KeyspaceSizes {
 public:
  // 0: not measured.
  uint64_t Bytes(KeyspaceId keyspace) const {
    ReaderLock lock(&mutex_);
    const auto found = bytes_.find(keyspace);
    return found == bytes_.end() ? 0 : found->second;
  }
  void Set(std::map<KeyspaceId, uint64_t> bytes) {
    WriterLock lock(&mutex_);
    bytes_ = std::move(bytes);
  }

 private:
  mutable SharedMutex mutex_;
  std::map<KeyspaceId, uint64_t> bytes_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::engine
