#include "server/codec/peer_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "server/codec/entry_codec.h"

namespace baton::server {
namespace {

using consensus::Message;
using consensus::MessageBody;

consensus::Entry MakeEntry(Ballot born, uint64_t slot, std::string_view effects) {
  const EntryId id{born, Slot{slot}};
  return {id, {}, EncodeEntry(kFirstGroup, id, {}, EntryStamp{}, effects)};
}

std::string Joined(const FramedMessage& framed) {
  std::string bytes = framed.head;
  for (const auto& entry : framed.entries) bytes += *entry;
  return bytes;
}

absl::StatusOr<PeerMessage> Parse(std::string_view bytes) {
  const std::string_view slices[] = {bytes};
  absl::StatusOr<std::vector<PeerMessage>> messages = ParseFrames(slices);
  if (!messages.ok()) return messages.status();
  EXPECT_EQ(messages->size(), 1u);
  return messages->front();
}

consensus::NodeHealth Unwell() {
  return {true, true, consensus::LagClass::kFar, consensus::DiskClass::kStuck, 2, 3};
}

Message SampleAccept() {
  const Ballot born{4, NodeId{1}};
  consensus::Accept accept{born, EntryId{Ballot{2, NodeId{3}}, Slot{9}}, {}, Slot{8}, 77, 500'000,
                           3};
  accept.durable = Slot{7};
  accept.proof_age_us = 11;
  accept.quorum_age_us = 12;
  accept.echo_us = 13;
  accept.data_floor = Slot{6};
  accept.health = {4, {{NodeId{1}, {}}, {NodeId{2}, Unwell()}}};
  std::swap(accept.health.order[0], accept.health.order[4]);
  accept.entries = {MakeEntry(born, 10, "first"), MakeEntry(born, 11, std::string(5000, 'x'))};
  return Message{NodeId{1}, NodeId{2}, kFirstGroup, accept};
}

std::vector<Message> Samples() {
  const Ballot ballot{5, NodeId{2}};
  const EntryId id{Ballot{4, NodeId{1}}, Slot{12}};
  const consensus::Membership members{Epoch{3}, {{NodeId{1}, consensus::Role::kVoter, "c"}}, {}};
  std::vector<MessageBody> bodies = {
      consensus::Canvass{ballot, id},
      consensus::CanvassReply{ballot, true, consensus::Refusal::kNone, ballot},
      consensus::CanvassReply{ballot, false, consensus::Refusal::kLeading, ballot},
      consensus::Prepare{ballot},
      consensus::Prepare{ballot, Ballot{4, NodeId{1}}},
      consensus::Promise{ballot, id},
      consensus::Nack{ballot, Ballot{6, NodeId{3}}, consensus::Refusal::kLeased},
      consensus::Fetch{ballot, id, 1 << 20},
      consensus::Fetched{ballot, ballot, true, id, id, {MakeEntry(ballot, 13, "z")}},
      consensus::Fetched{ballot, ballot, false, id, id, {}},
      consensus::Accept{ballot, id, {}, Slot{12}, -5, 500'000, 9},
      consensus::Accepted{ballot, true, id, Slot{12}, 88, true, 2, 77, Unwell()},
      consensus::Abdicate{ballot},
      consensus::TakeOver{ballot, id},
      consensus::AskSlot{5},
      consensus::TellSlot{5, true, Slot{12}},
      consensus::SnapshotOffer{.ballot = ballot,
                               .snapshot = 77,
                               .prev = {id.born, Slot{11}},
                               .last = id,
                               .entry = MakeEntry(id.born, 12, "last").bytes,
                               .configuration = {id, members},
                               .bytes = 1000},
      consensus::SnapshotPull{77, 500, 100, true, false},
      consensus::SnapshotPull{77, 500, 100, false, true},
      consensus::SnapshotPull{77, 500, 100, false, false, true},
      consensus::SnapshotChunk{77, 500, Checksum("chunk"),
                               std::make_shared<const std::string>("chunk")},
      consensus::LossReport{std::make_shared<const std::string>("losses")},
      consensus::HandoverTalk{std::make_shared<const std::string>("word")},
  };
  std::vector<Message> messages = {SampleAccept()};
  for (MessageBody& body : bodies) {
    messages.push_back(Message{NodeId{1}, NodeId{3}, kFirstGroup, std::move(body)});
  }
  return messages;
}

TEST(PeerCodec, RoundTripsEveryMessage) {
  for (const Message& message : Samples()) {
    const FramedMessage framed = FrameMessage(message);
    const auto parsed = Parse(Joined(framed));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(std::get<Message>(*parsed), message);
    EXPECT_EQ(framed.size(), Joined(framed).size());
  }
}

TEST(PeerCodec, RoundTripsAHello) {
  peer::v1::Hello hello;
  hello.set_node_id(4);
  hello.set_to_node_id(5);
  hello.set_cluster_id(std::string(16, 'c'));
  hello.set_wire_version(kWireVersion);
  const auto parsed = Parse(Joined(FrameHello(hello)));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(std::get<peer::v1::Hello>(*parsed).SerializeAsString(), hello.SerializeAsString());
}

TEST(PeerCodec, SharesTheBytesOfEntries) {
  const Message message = SampleAccept();
  const FramedMessage framed = FrameMessage(message);
  const auto& entries = std::get<consensus::Accept>(message.body).entries;
  ASSERT_EQ(framed.entries.size(), 2u);
  EXPECT_EQ(framed.entries[0], entries[0].bytes);
  EXPECT_EQ(framed.entries[1], entries[1].bytes);
}

TEST(PeerCodec, ReadsSeveralFramesFromSlicesCutAnywhere) {
  const Message message = SampleAccept();
  const Message second = Samples()[3];
  const std::string bytes = Joined(FrameMessage(message)) + Joined(FrameMessage(second));
  std::mt19937_64 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string_view> slices;
    for (std::string_view rest = bytes; !rest.empty();) {
      const size_t size = std::min<size_t>(rest.size(), random() % 700);
      slices.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    const auto parsed = ParseFrames(slices);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    ASSERT_EQ(parsed->size(), 2u);
    EXPECT_EQ(std::get<Message>(parsed->front()), message);
    EXPECT_EQ(std::get<Message>(parsed->back()), second);
  }
}

TEST(PeerCodec, RefusesADamagedEntry) {
  std::string bytes = Joined(FrameMessage(SampleAccept()));
  bytes[bytes.size() - 100] ^= 1;
  EXPECT_EQ(Parse(bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(PeerCodec, RefusesEntriesThatDoNotFollow) {
  Message message = SampleAccept();
  auto& accept = std::get<consensus::Accept>(message.body);
  accept.prev.slot = Slot{8};
  EXPECT_EQ(Parse(Joined(FrameMessage(message))).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PeerCodec, AnswersGarbageWithAStatus) {
  EXPECT_FALSE(Parse("").ok());
  EXPECT_FALSE(Parse("abc").ok());
  EXPECT_FALSE(Parse("GET / HTTP/1.1\r\n\r\n").ok());
  std::mt19937_64 random(3);
  std::vector<std::string> good;
  for (const Message& message : Samples()) good.push_back(Joined(FrameMessage(message)));
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good[random() % good.size()];
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    Parse(bytes).status().IgnoreError();
  }
}

TEST(PeerCodec, RefusesUnknownEnumValues) {
  peer::v1::PeerHeader header;
  header.set_from(1);
  header.set_to(2);
  header.set_group(1);
  header.mutable_nack()->set_refusal(17);
  std::string bytes;
  PutFixed32(&bytes, static_cast<uint32_t>(4 + header.ByteSizeLong()));
  PutFixed32(&bytes, static_cast<uint32_t>(header.ByteSizeLong()));
  bytes += header.SerializeAsString();
  EXPECT_FALSE(Parse(bytes).ok());
}

}  // namespace
}  // namespace baton::server
