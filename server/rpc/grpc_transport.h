// GrpcTransport: the peers, over gRPC streams, on a completion queue and a thread of its own, so
// that no burst of clients delays a heartbeat.
//
// Life, in this order, from one thread: the constructor adds the queue to a server that is being
// built; Start once the server runs (from then on peers are answered: "unformed"); Open once the
// node belongs to a cluster; Close; then the server is shut down; then the destructor, which waits
// for the last stream.
// Send and Connected: any thread, at any time from construction to destruction.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "server/replica/node.h"
#include "server/replica/transport.h"
#include "server/rpc/hello.h"
#include "server/rpc/metrics.h"
#include "server/rpc/peer_link.h"
#include "server/rpc/peer_stream.h"

namespace baton::server {

struct PeerReport {
  NodeId node;
  std::string name;
  bool connected = false;
  std::string refusal;
  std::shared_ptr<const PeerMetrics> metrics;
};

class GrpcTransport final : public Transport, private PeerStreamHost {
 public:
  static constexpr size_t kPeerStreamsMax = 128;  // accepted at once; more wait to be accepted

  // Adds its queue to the listener that `service` is added to.
  GrpcTransport(grpc::ServerBuilder* listener, PeerService* service);
  ~GrpcTransport() override;

  void Start();
  // From now on the members that SetMembers names are met. `receive` and `left_behind` (when the
  // recovery of one of them has left this node behind) are called on the peer I/O thread and must
  // not block.
  void Open(const PeerIdentity& self, std::function<void(consensus::Message)> receive,
            std::function<void(const std::string& why)> left_behind);
  // Lets the last messages out, hangs up on every peer and delivers nothing after it has returned.
  void Close();

  void Send(consensus::Message message) override;
  void SetMembers(const std::vector<MemberInfo>& members) override;
  bool Connected(NodeId peer) const override;

  std::vector<PeerReport> Report() const;
  const PeerPortMetrics& port_metrics() const { return port_metrics_; }

 private:
  struct Peer {
    MemberInfo member;
    PeerMetrics metrics;
    std::unique_ptr<PeerLink> link;
  };

  void StreamStarted(PeerStream* stream) override;
  peer::v1::Hello Greet(PeerStream* stream, const peer::v1::Hello& hello) override;
  void Deliver(consensus::Message message) override;
  void BadFrame(const std::string& from, const std::string& what) override;
  void StreamEnded(PeerStream* stream, bool started) override;

  void RunQueue();
  void AwaitCall();
  bool MayComplain();  // in the log, of a stranger; at most once a second
  std::shared_ptr<Peer> FindPeer(NodeId node) const;
  // Opens links to members that are new, closes those to members that are gone.
  void FollowMembers() BATON_REQUIRES(peers_mutex_);
  void Meet(const MemberInfo& member) BATON_REQUIRES(peers_mutex_);
  std::vector<std::shared_ptr<Peer>> AllPeers() const BATON_REQUIRES(peers_mutex_);

  PeerService* const service_;
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
  PeerPortMetrics port_metrics_;

  // Taken before mutex_. A link's own lock is taken under it.
  mutable Mutex peers_mutex_;
  std::vector<MemberInfo> members_ BATON_GUARDED_BY(peers_mutex_);   // to be met
  std::optional<PeerIdentity> self_ BATON_GUARDED_BY(peers_mutex_);  // set by Open
  std::function<void(const std::string&)> left_behind_ BATON_GUARDED_BY(peers_mutex_);  // likewise
  bool closing_ BATON_GUARDED_BY(peers_mutex_) = false;  // nobody new is met
  std::map<NodeId, std::shared_ptr<Peer>> peers_ BATON_GUARDED_BY(peers_mutex_);  // met
  // Of former members, until the end: their links say their last words. Changes of members are few.
  std::vector<std::shared_ptr<Peer>> former_ BATON_GUARDED_BY(peers_mutex_);

  // Peer I/O thread only.
  size_t started_streams_ = 0;                         // <= kPeerStreamsMax
  bool awaiting_ = false;                              // a stream waits for a call
  bool server_down_ = false;                           // no call will come any more
  std::unordered_map<uint32_t, PeerStream*> greeted_;  // the newest stream of each peer

  Mutex mutex_;
  CondVar quiet_;
  std::function<void(consensus::Message)> receive_ BATON_GUARDED_BY(mutex_);
  size_t live_streams_ BATON_GUARDED_BY(mutex_) = 0;  // each deletes itself through StreamEnded
  size_t open_links_ BATON_GUARDED_BY(mutex_) = 0;
  bool closed_ BATON_GUARDED_BY(mutex_) = false;
  int64_t last_complaint_us_ = 0;  // peer I/O thread only
};

}  // namespace baton::server
