// One node as clients see it: a Kv and a Cluster service on loopback whose behaviour a test
// scripts. By default it leads, keeps what is put in memory, and answers at once; sessions are
// opened whatever the script says, and ended as it says.
//
// Thread-safe. The destructor breaks all streams and stops the server.
#pragma once

#include <grpcpp/server.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "baton/v1/cluster_service.grpc.pb.h"
#include "baton/v1/kv_service.grpc.pb.h"

namespace baton::client {

class FakeServer {
 public:
  // What to do with one request of a stream.
  struct Reply {
    enum class Kind { kStore, kResult, kSilence, kBreak } kind = Kind::kStore;
    v1::ExchangeResult result;  // of kResult; its id is filled in
  };
  using Script = std::function<Reply(const v1::ExchangeItem&)>;

  // `port` 0: any.
  explicit FakeServer(std::string name, int port = 0);
  ~FakeServer();

  const std::string& address() const { return address_; }
  int port() const { return port_; }
  const std::string& name() const { return name_; }

  // What Status says from now on.
  void SetState(const std::string& state, uint64_t round, const FakeServer* leader = nullptr);
  // Who is asked what to do with each request; null: all are stored.
  void SetScript(Script script);
  void BreakStreams();
  // Tells every open stream of a new leader.
  void Announce(const FakeServer& leader);

  static Reply Refuse(v1::Reason reason, const FakeServer* leader = nullptr,
                      uint32_t retry_after_ms = 0);
  static Reply Silence() { return {Reply::Kind::kSilence, {}}; }
  static Reply Break() { return {Reply::Kind::kBreak, {}}; }

  int messages() const;                      // received on streams
  int items() const;                         // received on streams
  int seen(const std::string& key) const;    // puts of `key` received, whatever became of them
  int stored(const std::string& key) const;  // of those, the ones that took effect
  size_t sessions() const;                   // opened, and not ended
  std::map<std::string, std::string> data() const;

 private:
  class Kv;
  class Cluster;
  struct Open;

  grpc::Status Serve(grpc::ServerContext* context,
                     grpc::ServerReaderWriter<v1::ExchangeResponse, v1::ExchangeRequest>* stream);
  Reply Decide(const v1::ExchangeItem& item) BATON_EXCLUDES(mutex_);
  v1::ExchangeResult OpenSession() BATON_REQUIRES(mutex_);
  v1::ExchangeResult StoreOnce(const v1::ExchangeItem& item) BATON_REQUIRES(mutex_);
  v1::ExchangeResult Store(const v1::ExchangeItem& item) BATON_REQUIRES(mutex_);
  v1::StatusResponse StatusNow() const BATON_EXCLUDES(mutex_);

  const std::string name_;
  std::string address_;
  int port_ = 0;
  std::unique_ptr<Kv> kv_;
  std::unique_ptr<Cluster> cluster_;

  mutable Mutex mutex_;
  std::string state_ BATON_GUARDED_BY(mutex_) = "leader";
  uint64_t round_ BATON_GUARDED_BY(mutex_) = 1;
  std::string leader_ BATON_GUARDED_BY(mutex_);
  std::string leader_address_ BATON_GUARDED_BY(mutex_);
  Script script_ BATON_GUARDED_BY(mutex_);
  std::set<Open*> open_ BATON_GUARDED_BY(mutex_);
  std::map<std::string, std::string> data_ BATON_GUARDED_BY(mutex_);
  std::map<std::string, int> seen_ BATON_GUARDED_BY(mutex_);
  std::map<std::string, int> stored_ BATON_GUARDED_BY(mutex_);
  // By session and sequence.
  std::map<std::pair<uint64_t, uint64_t>, v1::ExchangeResult> kept_ BATON_GUARDED_BY(mutex_);
  std::set<uint64_t> sessions_ BATON_GUARDED_BY(mutex_);
  uint64_t revision_ BATON_GUARDED_BY(mutex_) = 0;
  int messages_ BATON_GUARDED_BY(mutex_) = 0;
  int items_ BATON_GUARDED_BY(mutex_) = 0;

  std::unique_ptr<grpc::Server> server_;
};

}  // namespace baton::client
