#include "tests/integration/key_writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "tests/integration/cluster.h"

namespace baton::testing {

KeyWriter::KeyWriter(Client* client, std::string keyspace, std::string prefix, int in_flight)
    : client_(client), keyspace_(std::move(keyspace)), prefix_(std::move(prefix)) {
  for (int i = 0; i < in_flight; ++i) Next();
}

void KeyWriter::End() {
  ended_ = true;
  running_.AwaitNone();
}

void KeyWriter::Next() {
  running_.Begin();
  CallOptions options;
  options.keyspace = keyspace_;
  options.timeout = kPatience;
  const std::string key = prefix_ + std::to_string(++keys_);
  const Clock::time_point begun = Clock::now();
  client_->PutAsync(key, "v", options, [this, key, begun](const absl::StatusOr<WriteResult>& put) {
    // What a leader alone had on disk may be listed as lost before the client, which was told of
    // nothing, has sent it again: that is refused then, for it would be listed and readable.
    const bool listed = keyspace_ != "default" && GetReason(put.status()) == Reason::kFenced;
    EXPECT_TRUE(put.ok() || listed) << key << ": " << put.status();
    if (put.ok()) {
      ++(put->durability == Durability::kLocal ? local_ : quorum_);
      MutexLock lock(&mutex_);
      acknowledged_[key] = {put->revision, put->durability, begun, Clock::now()};
    }
    if (!ended_) Next();
    running_.End();
  });
}

}  // namespace baton::testing
