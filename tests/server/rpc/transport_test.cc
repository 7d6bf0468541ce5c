// Transports talk to each other over loopback.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "server/codec/entry_codec.h"
#include "server/rpc/channel.h"
#include "server/rpc/grpc_transport.h"
#include "server/rpc/peer_frames.h"
#include "server/rpc/peer_service.h"
#include "tests/loopback.h"
#include "tests/server/rpc/fake_node.h"

namespace baton::server {
namespace {

using loopback::FreePort;
using loopback::Loopback;

constexpr Id128 kCluster{0xc1, 0x5e};

class NoFormation final : public FormationHost {
 public:
  NodeCard Identify() const override { return {"n1", {1, 1}, {}, "c", "p"}; }
  std::optional<FormationRecord> Formed() const override { return std::nullopt; }
  void Join(FormationRecord, std::function<void(std::string)> done) override { done("no"); }
  void Recover(FormationRecord, std::function<void(std::string)> done) override { done("no"); }
  void Init(InitPlan, int64_t, std::function<void(InitOutcome)> done) override { done({}); }
};

// A node's peer port: a server, a transport, and a fake node behind it.
class PeerEnd {
 public:
  explicit PeerEnd(int port) {
    grpc::ServerBuilder builder;
    ConfigureListener(&builder);
    builder.RegisterService(&service_);
    transport_ = std::make_unique<GrpcTransport>(&builder, &service_);
    builder.AddListeningPort(Loopback(port), grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
    transport_->Start();
  }
  ~PeerEnd() {
    transport_->Close();
    server_->Shutdown(std::chrono::system_clock::now());
    transport_.reset();
  }

  void Open(const PeerIdentity& self, const std::vector<MemberInfo>& members) {
    transport_->SetMembers(members);
    transport_->Open(
        self, [this](consensus::Message message) { node_.Receive(std::move(message)); },
        [this](const std::string& why) {
          MutexLock lock(&mutex_);
          left_behind_ = why;
        });
  }
  std::string left_behind() const {
    MutexLock lock(&mutex_);
    return left_behind_;
  }
  bool AwaitConnected(NodeId peer, int timeout_ms = 5000) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (!transport_->Connected(peer)) {
      if (std::chrono::steady_clock::now() > end) return false;
      usleep(1000);
    }
    return true;
  }

  FakeNode& node() { return node_; }
  GrpcTransport& transport() { return *transport_; }

 private:
  NoFormation formation_;
  PeerService service_{&formation_};
  FakeNode node_;
  std::unique_ptr<GrpcTransport> transport_;
  std::unique_ptr<grpc::Server> server_;
  mutable Mutex mutex_;
  std::string left_behind_ BATON_GUARDED_BY(mutex_);
};

class TransportTest : public testing::Test {
 protected:
  TransportTest() {
    for (uint32_t i = 1; i <= 2; ++i) {
      ports_.push_back(FreePort());
      MemberInfo member;
      member.node = NodeId{i};
      member.name = "n" + std::to_string(i);
      member.directory = {7, i};
      member.peer_address = Loopback(ports_.back());
      members_.push_back(member);
    }
  }
  PeerIdentity Identity(uint32_t node) const { return {kCluster, NodeId{node}, {7, node}}; }
  std::unique_ptr<PeerEnd> Start(uint32_t node) {
    auto end = std::make_unique<PeerEnd>(ports_[node - 1]);
    end->Open(Identity(node), members_);
    return end;
  }

  std::vector<int> ports_;
  std::vector<MemberInfo> members_;
};

consensus::Message Heartbeat(uint64_t commit) {
  consensus::Accept accept;
  accept.ballot = {3, NodeId{1}};
  accept.commit = Slot{commit};
  return {NodeId{1}, NodeId{2}, kFirstGroup, accept};
}

consensus::Message Entries(uint64_t first, int count, size_t bytes) {
  consensus::Accept accept;
  accept.ballot = {3, NodeId{1}};
  accept.prev = {first == 1 ? Ballot{} : accept.ballot, Slot{first - 1}};
  for (int i = 0; i < count; ++i) {
    consensus::Entry entry;
    entry.id = {accept.ballot, Slot{first + i}};
    entry.bytes = EncodeEntry(kFirstGroup, entry.id, {}, {}, std::string(bytes, 'x'));
    accept.entries.push_back(std::move(entry));
  }
  return {NodeId{1}, NodeId{2}, kFirstGroup, std::move(accept)};
}

TEST_F(TransportTest, CarriesMessagesInOrderBothWays) {
  auto one = Start(1);
  auto two = Start(2);
  ASSERT_TRUE(one->AwaitConnected(NodeId{2}));
  ASSERT_TRUE(two->AwaitConnected(NodeId{1}));
  std::vector<consensus::Message> sent;
  uint64_t slot = 1;
  for (int i = 0; i < 50; ++i) {
    // Small entries travel copied, large ones shared.
    sent.push_back(Entries(slot, 3, i % 2 == 0 ? 10 : 20'000));
    slot += 3;
    one->transport().Send(sent.back());
  }
  EXPECT_EQ(two->node().AwaitReceived(sent.size()), sent);

  const consensus::Message answer{NodeId{2}, NodeId{1}, kFirstGroup,
                                  consensus::Promise{{4, NodeId{1}}, {}}};
  two->transport().Send(answer);
  EXPECT_THAT(one->node().AwaitReceived(1), testing::ElementsAre(answer));
}

TEST_F(TransportTest, ARestartedPeerIsReachableAgainWithoutBeingAsked) {
  auto one = Start(1);
  auto two = Start(2);
  ASSERT_TRUE(one->AwaitConnected(NodeId{2}));
  two.reset();
  const auto gone = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (one->transport().Connected(NodeId{2}) && std::chrono::steady_clock::now() < gone) {
    usleep(1000);
  }
  EXPECT_FALSE(one->transport().Connected(NodeId{2}));
  one->transport().Send(Heartbeat(1));  // dropped, counted
  EXPECT_EQ(one->transport().Report()[0].metrics->dropped_messages.Get(), 1u);

  usleep(300'000);  // long enough for the back-off to be at its longest
  two = Start(2);
  const auto back = std::chrono::steady_clock::now();
  ASSERT_TRUE(one->AwaitConnected(NodeId{2}));
  const auto took = std::chrono::steady_clock::now() - back;
  EXPECT_LT(took, std::chrono::milliseconds(400));
  one->transport().Send(Heartbeat(2));
  EXPECT_THAT(two->node().AwaitReceived(1), testing::ElementsAre(Heartbeat(2)));
}

TEST_F(TransportTest, RefusesAnotherClusterWithTheReason) {
  auto one = Start(1);
  auto two = std::make_unique<PeerEnd>(ports_[1]);
  PeerIdentity stranger = Identity(2);
  stranger.cluster = {0xbad, 0};
  two->Open(stranger, members_);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (one->transport().Report()[0].refusal.empty() && std::chrono::steady_clock::now() < end) {
    usleep(1000);
  }
  EXPECT_THAT(one->transport().Report()[0].refusal, testing::HasSubstr("cluster"));
  EXPECT_FALSE(one->transport().Connected(NodeId{2}));
  EXPECT_FALSE(two->transport().Connected(NodeId{1}));
  EXPECT_GE(one->transport().Report()[0].metrics->refusals.Get(), 1u);
}

TEST_F(TransportTest, WhomARecoveryHasLeftBehindIsToldSo) {
  PeerIdentity recovered = Identity(1);
  recovered.left_behind = {members_[1]};
  recovered.epoch = Epoch{1'025};
  PeerEnd one(ports_[0]);
  one.Open(recovered, {members_[0]});
  auto two = Start(2);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (two->left_behind().empty() && std::chrono::steady_clock::now() < end) usleep(1000);
  EXPECT_THAT(two->left_behind(), testing::HasSubstr("unsafe recovery of n1"));
  EXPECT_EQ(one.left_behind(), "");

  // One of another cluster is believed nothing.
  PeerIdentity stranger = Identity(2);
  stranger.cluster = {0xbad, 0};
  PeerEnd three(FreePort());
  three.Open(stranger, members_);
  usleep(200'000);
  EXPECT_EQ(three.left_behind(), "");
}

TEST_F(TransportTest, AnUnformedPeerIsDialledUntilItIsFormed) {
  auto one = Start(1);
  auto two = std::make_unique<PeerEnd>(ports_[1]);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (one->transport().Report()[0].refusal.empty() && std::chrono::steady_clock::now() < end) {
    usleep(1000);
  }
  EXPECT_THAT(one->transport().Report()[0].refusal, testing::HasSubstr("unformed"));
  two->Open(Identity(2), members_);
  EXPECT_TRUE(one->AwaitConnected(NodeId{2}));
  EXPECT_EQ(one->transport().Report()[0].refusal, "");
}

TEST_F(TransportTest, GarbageOnThePortHarmsNobody) {
  auto one = Start(1);
  auto two = Start(2);
  ASSERT_TRUE(one->AwaitConnected(NodeId{2}));

  // Bytes that are not even HTTP/2.
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(ports_[1]));
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string noise(100'000, '\x5a');
  EXPECT_GT(send(fd, noise.data(), noise.size(), MSG_NOSIGNAL), 0);
  close(fd);

  // A proper stream that carries no frames, frames that are cut, and frames before a Hello.
  const FramedMessage framed = FrameMessage(Heartbeat(9));
  for (const std::string& bytes :
       {std::string("garbage"), std::string(4, '\0'), framed.head.substr(0, 7), framed.head}) {
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(ConnectToNode(members_[1].peer_address));
    grpc::ClientContext context;
    auto stream = stub.PrepareCall(&context, "/baton.peer.v1.Peer/Stream", &queue);
    stream->StartCall(nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
    const grpc::Slice slice(bytes);
    stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    ASSERT_TRUE(queue.Next(&tag, &ok));
    grpc::Status status;
    stream->Finish(&status, nullptr);
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
  }
  EXPECT_EQ(two->transport().port_metrics().bad_frames.Get(), 4u);

  one->transport().Send(Heartbeat(5));
  EXPECT_THAT(two->node().AwaitReceived(1), testing::ElementsAre(Heartbeat(5)));
}

TEST_F(TransportTest, WhatWasSentBeforeClosingArrives) {
  auto one = Start(1);
  auto two = Start(2);
  ASSERT_TRUE(one->AwaitConnected(NodeId{2}));
  const consensus::Message last{NodeId{1}, NodeId{2}, kFirstGroup,
                                consensus::Abdicate{{3, NodeId{1}}}};
  for (uint64_t i = 0; i < 20; ++i) one->transport().Send(Entries(1 + i, 1, 100'000));
  one->transport().Send(last);
  one->transport().Close();
  const auto received = two->node().AwaitReceived(21);
  ASSERT_EQ(received.size(), 21u);
  EXPECT_EQ(received.back(), last);
}

TEST(PeerQueueTest, NewerHeartbeatReplacesTheOneThatWaits) {
  PeerQueue queue;
  for (uint64_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(queue.Push(FrameMessage(Heartbeat(i)), PeerQueue::HeartbeatOf(Heartbeat(i))));
  }
  const auto write = queue.TakeWrite();
  ASSERT_EQ(write.size(), 1u);
  EXPECT_EQ(write[0].head, FrameMessage(Heartbeat(3)).head);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(PeerQueueTest, AHeartbeatWithoutTheHealthOfTheNodesReplacesNoneThatHasIt) {
  PeerQueue queue;
  const auto push = [&](uint64_t commit, uint64_t health) {
    consensus::Message message = Heartbeat(commit);
    std::get<consensus::Accept>(message.body).health.number = health;
    ASSERT_TRUE(queue.Push(FrameMessage(message), PeerQueue::HeartbeatOf(message)));
  };
  push(1, 0);
  push(2, 1);  // replaces the first
  push(3, 0);
  push(4, 0);  // replaces the third
  EXPECT_EQ(queue.TakeWrite().size(), 2u);
}

TEST(PeerQueueTest, AFullQueueRefusesTheNewest) {
  PeerQueue queue;
  const consensus::Message big = Entries(1, 1, 1 << 20);
  size_t pushed = 0;
  while (queue.Push(FrameMessage(big), PeerQueue::HeartbeatOf(big))) ++pushed;
  EXPECT_LE(queue.bytes(), PeerQueue::kBytesMax);
  EXPECT_GE(pushed, 31u);
  // Each write is cut at its target, and at least one message goes.
  EXPECT_EQ(queue.TakeWrite().size(), 1u);
  queue.Clear();
  const consensus::Message small{NodeId{1}, NodeId{2}, kFirstGroup,
                                 consensus::Abdicate{{3, NodeId{1}}}};
  pushed = 0;
  while (queue.Push(FrameMessage(small), PeerQueue::HeartbeatOf(small))) ++pushed;
  EXPECT_EQ(pushed, PeerQueue::kMessagesMax);
}

}  // namespace
}  // namespace baton::server
