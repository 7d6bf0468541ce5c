// The Network over gRPC: one channel an address, kept for good; streams and probes on it.
//
// Thread-safe. Its callbacks run on gRPC's own few threads.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/mutex.h"
#include "client/network.h"

namespace baton::client {

// A connection of its own to `address`, which is made when it is first used and again, soon, when
// it breaks.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

class GrpcNetwork final : public Network {
 public:
  // Largest answer taken: a page or a message of many results.
  static constexpr int kAnswerBytesMax = 64 << 20;

  GrpcNetwork() = default;
  ~GrpcNetwork() override;  // REQUIRES: Shutdown() has returned.

  std::shared_ptr<Stream> Open(const std::string& address, StreamListener* listener) override;
  void Probe(const std::string& address, int64_t timeout_us, ProbeDone done) override;
  void Shutdown() override;

 private:
  friend class GrpcStream;
  struct ProbeCall;

  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) BATON_EXCLUDES(mutex_);
  void StreamDone() BATON_EXCLUDES(mutex_);
  void ProbeAnswered(ProbeCall* call) BATON_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar idle_;
  bool shut_down_ BATON_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<std::string, std::shared_ptr<grpc::Channel>> channels_
      BATON_GUARDED_BY(mutex_);
  int streams_ BATON_GUARDED_BY(mutex_) = 0;  // opened, and OnClosed not yet returned
  absl::flat_hash_set<ProbeCall*> probes_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::client
