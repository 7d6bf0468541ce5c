#include "server/rpc/grpc_transport.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <set>
#include <utility>
#include <variant>

#include "base/check.h"
#include "server/rpc/peer_service.h"

namespace baton::server {
namespace {

constexpr int64_t kComplaintPauseUs = 1'000'000;  // garbage does not fill the log

constexpr int64_t kHangUpUs = 300'000;  // for a peer to take what was sent, when closing

int64_t SteadyNowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

uint64_t EntryBytes(const consensus::Message& message) {
  uint64_t bytes = 0;
  const auto add = [&bytes](const std::vector<consensus::Entry>& entries) {
    for (const consensus::Entry& entry : entries) bytes += entry.size();
  };
  if (const auto* accept = std::get_if<consensus::Accept>(&message.body)) add(accept->entries);
  if (const auto* fetched = std::get_if<consensus::Fetched>(&message.body)) add(fetched->entries);
  return bytes;
}

}  // namespace

GrpcTransport::GrpcTransport(grpc::ServerBuilder* listener, PeerService* service)
    : service_(service), queue_(listener->AddCompletionQueue()) {}

GrpcTransport::~GrpcTransport() {
  Close();
  {
    // An operation started on a queue that is shut down would be a crash: wait for the last.
    MutexLock lock(&mutex_);
    while (live_streams_ > 0) quiet_.Wait(&mutex_);
  }
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {  // never started: the queue must still be emptied
    RunQueue();
  }
}

void GrpcTransport::Start() {
  AwaitCall();
  thread_ = std::thread([this] { RunQueue(); });
}

void GrpcTransport::RunQueue() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<Operation*>(tag)->Done(ok);
}

void GrpcTransport::Open(const PeerIdentity& self, std::function<void(consensus::Message)> receive,
                         std::function<void(const std::string&)> left_behind) {
  {
    MutexLock lock(&mutex_);
    receive_ = std::move(receive);
  }
  MutexLock lock(&peers_mutex_);
  BATON_CHECK(!self_) << "the transport is open";
  self_ = self;
  left_behind_ = std::move(left_behind);
  FollowMembers();
}

void GrpcTransport::SetMembers(const std::vector<MemberInfo>& members) {
  MutexLock lock(&peers_mutex_);
  members_ = members;
  if (self_ && !closing_) FollowMembers();
}

void GrpcTransport::FollowMembers() {
  std::set<NodeId> wanted;
  for (const MemberInfo& member : members_) {
    wanted.insert(member.node);
    if (member.node != self_->node && peers_.count(member.node) == 0) Meet(member);
  }
  for (auto it = peers_.begin(); it != peers_.end();) {
    if (wanted.count(it->first) != 0) {
      ++it;
      continue;
    }
    it->second->link->Close();
    former_.push_back(std::move(it->second));
    it = peers_.erase(it);
  }
}

void GrpcTransport::Meet(const MemberInfo& member) {
  auto peer = std::make_shared<Peer>();
  peer->member = member;
  peer->link = std::make_unique<PeerLink>(PeerLink::Options{*self_, member, left_behind_},
                                          queue_.get(), &peer->metrics, [this] {
                                            MutexLock lock(&mutex_);
                                            --open_links_;
                                            quiet_.NotifyAll();
                                          });
  {
    MutexLock lock(&mutex_);
    ++open_links_;
  }
  peer->link->Open();
  peers_.emplace(member.node, std::move(peer));
}

std::vector<std::shared_ptr<GrpcTransport::Peer>> GrpcTransport::AllPeers() const {
  std::vector<std::shared_ptr<Peer>> all = former_;
  for (const auto& [node, peer] : peers_) all.push_back(peer);
  return all;
}

void GrpcTransport::Close() {
  {
    MutexLock lock(&mutex_);
    if (closed_) return;
    closed_ = true;
    receive_ = nullptr;
  }
  std::vector<std::shared_ptr<Peer>> peers;
  {
    MutexLock lock(&peers_mutex_);
    closing_ = true;
    for (const auto& [node, peer] : peers_) peer->link->Close();
    peers = AllPeers();
  }
  {
    MutexLock lock(&mutex_);
    while (open_links_ > 0 && quiet_.WaitFor(&mutex_, kHangUpUs)) {
    }
  }
  for (const std::shared_ptr<Peer>& peer : peers) peer->link->Cancel();
  MutexLock lock(&mutex_);
  while (open_links_ > 0) quiet_.Wait(&mutex_);
}

std::shared_ptr<GrpcTransport::Peer> GrpcTransport::FindPeer(NodeId node) const {
  MutexLock lock(&peers_mutex_);
  const auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : found->second;
}

void GrpcTransport::Send(consensus::Message message) {
  if (const auto peer = FindPeer(message.to)) peer->link->Send(message);
}

bool GrpcTransport::Connected(NodeId node) const {
  const auto peer = FindPeer(node);
  return peer != nullptr && peer->link->connected();
}

std::vector<PeerReport> GrpcTransport::Report() const {
  std::vector<PeerReport> reports;
  MutexLock lock(&peers_mutex_);
  for (const auto& [node, peer] : peers_) {
    reports.push_back({node, peer->member.name, peer->link->connected(), peer->link->refusal(),
                       std::shared_ptr<const PeerMetrics>(peer, &peer->metrics)});
  }
  return reports;
}

void GrpcTransport::AwaitCall() {
  awaiting_ = true;
  {
    MutexLock lock(&mutex_);
    ++live_streams_;
  }
  new PeerStream(this, service_, queue_.get());  // until StreamEnded
}

void GrpcTransport::StreamStarted(PeerStream*) {
  ++started_streams_;
  awaiting_ = false;
  if (started_streams_ < kPeerStreamsMax) AwaitCall();
}

peer::v1::Hello GrpcTransport::Greet(PeerStream* stream, const peer::v1::Hello& hello) {
  const auto self = [this] {
    MutexLock lock(&peers_mutex_);
    return self_;
  }();
  if (!self) {
    peer::v1::Hello answer;
    answer.set_refused("this node is unformed: it belongs to no cluster");
    return answer;
  }
  peer::v1::Hello answer = MakeHello(*self, NodeId{hello.node_id()});
  const auto peer = FindPeer(NodeId{hello.node_id()});
  const std::string reason = hello.node_id() == self->node.value
                                 ? "a node does not speak to itself"
                                 : RefuseHello(hello, *self, peer ? &peer->member : nullptr);
  if (!reason.empty()) {
    Refuse(reason, *self, NodeId{hello.node_id()}, &answer);
    port_metrics_.refused_hellos.Add();
    if (peer != nullptr) peer->metrics.refusals.Add();
    if (MayComplain()) spdlog::error("refused a peer stream: {}", answer.refused());
    return answer;
  }
  PeerStream*& newest = greeted_[hello.node_id()];
  if (newest != nullptr) newest->Cancel();  // the peer dialled anew: the old stream is dead
  newest = stream;
  return answer;
}

void GrpcTransport::Deliver(consensus::Message message) {
  if (const auto peer = FindPeer(message.from)) {
    peer->metrics.received_messages.Add();
    peer->metrics.received_bytes.Add(EntryBytes(message));
  }
  MutexLock lock(&mutex_);  // Close waits for what is being delivered
  if (receive_) receive_(std::move(message));
}

void GrpcTransport::BadFrame(const std::string& from, const std::string& what) {
  port_metrics_.bad_frames.Add();
  if (MayComplain()) spdlog::warn("hung up on {}: {}", from, what);
}

bool GrpcTransport::MayComplain() {
  const int64_t now_us = SteadyNowUs();
  if (now_us - last_complaint_us_ < kComplaintPauseUs) return false;
  last_complaint_us_ = now_us;
  return true;
}

void GrpcTransport::StreamEnded(PeerStream* stream, bool started) {
  const auto newest = greeted_.find(stream->peer());
  if (newest != greeted_.end() && newest->second == stream) greeted_.erase(newest);
  delete stream;
  if (started) {
    --started_streams_;
    if (!awaiting_ && !server_down_) AwaitCall();
  } else {
    awaiting_ = false;
    server_down_ = true;
  }
  MutexLock lock(&mutex_);
  --live_streams_;
  quiet_.NotifyAll();
}

}  // namespace baton::server
