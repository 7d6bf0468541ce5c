#include "server/codec/peer_codec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "server/codec/entry_codec.h"
#include "server/codec/membership_codec.h"

namespace baton::server {
namespace {

using consensus::Message;
using peer::v1::PeerHeader;

constexpr size_t kLengthBytes = 4;

void Put(const Ballot& from, peer::v1::Ballot* to) {
  to->set_round(from.round);
  to->set_node(from.node.value);
}
void Put(const EntryId& from, peer::v1::EntryId* to) {
  Put(from.born, to->mutable_born());
  to->set_slot(from.slot.value);
}
Ballot Get(const peer::v1::Ballot& from) { return Ballot{from.round(), NodeId{from.node()}}; }
EntryId Get(const peer::v1::EntryId& from) { return EntryId{Get(from.born()), Slot{from.slot()}}; }

void Put(const consensus::NodeHealth& from, peer::v1::NodeHealth* to) {
  to->set_barred(from.barred);
  to->set_recovering(from.recovering);
  to->set_lag(static_cast<uint32_t>(from.lag));
  to->set_disk(static_cast<uint32_t>(from.disk));
  to->set_region(from.region);
  to->set_priority(from.priority);
}
void Put(const consensus::HealthTable& from, peer::v1::HealthTable* to) {
  to->set_number(from.number);
  for (const auto& [node, health] : from.nodes) {
    peer::v1::NodeHealth* row = to->add_nodes();
    row->set_node(node.value);
    Put(health, row);
  }
  if (from.order == consensus::kRankOrder) return;
  for (const consensus::Criterion each : from.order) to->add_order(static_cast<uint32_t>(each));
}
// A class that this build does not know is worse than those it knows.
consensus::NodeHealth Get(const peer::v1::NodeHealth& from) {
  consensus::NodeHealth to;
  to.barred = from.barred();
  to.recovering = from.recovering();
  to.lag = static_cast<consensus::LagClass>(
      std::min(from.lag(), static_cast<uint32_t>(consensus::LagClass::kSilent)));
  to.disk = static_cast<consensus::DiskClass>(
      std::min(from.disk(), static_cast<uint32_t>(consensus::DiskClass::kStuck)));
  to.region = static_cast<uint8_t>(std::min(from.region(), 255u));
  to.priority = static_cast<uint8_t>(std::min(from.priority(), 255u));
  return to;
}
// One that is none stays one, for the core to refuse.
consensus::RankOrder GetOrder(const peer::v1::HealthTable& from) {
  consensus::RankOrder order{};
  if (from.order_size() != static_cast<int>(order.size())) return order;
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<consensus::Criterion>(std::min(from.order(static_cast<int>(i)), 255u));
  }
  return order;
}
consensus::HealthTable Get(const peer::v1::HealthTable& from) {
  consensus::HealthTable to{from.number(), {}};
  for (const peer::v1::NodeHealth& row : from.nodes()) to.nodes[NodeId{row.node()}] = Get(row);
  if (from.order_size() > 0) to.order = GetOrder(from);
  return to;
}

// Writes one body into the header; gives the entries that travel behind it.
struct BodyWriter {
  PeerHeader* header;
  const std::vector<consensus::Entry>* entries = nullptr;
  std::shared_ptr<const std::string> piece;  // or one piece

  void operator()(const consensus::Canvass& from) {
    auto* to = header->mutable_canvass();
    Put(from.ballot, to->mutable_ballot());
    Put(from.last, to->mutable_last());
  }
  void operator()(const consensus::CanvassReply& from) {
    auto* to = header->mutable_canvass_reply();
    Put(from.ballot, to->mutable_ballot());
    to->set_granted(from.granted);
    to->set_refusal(static_cast<uint32_t>(from.refusal));
    Put(from.promised, to->mutable_promised());
  }
  void operator()(const consensus::Prepare& from) {
    auto* to = header->mutable_prepare();
    Put(from.ballot, to->mutable_ballot());
    Put(from.succeeds, to->mutable_succeeds());
  }
  void operator()(const consensus::Promise& from) {
    auto* to = header->mutable_promise();
    Put(from.ballot, to->mutable_ballot());
    Put(from.last, to->mutable_last());
  }
  void operator()(const consensus::Nack& from) {
    auto* to = header->mutable_nack();
    Put(from.ballot, to->mutable_ballot());
    Put(from.promised, to->mutable_promised());
    to->set_refusal(static_cast<uint32_t>(from.refusal));
  }
  void operator()(const consensus::Fetch& from) {
    auto* to = header->mutable_fetch();
    Put(from.ballot, to->mutable_ballot());
    Put(from.prev, to->mutable_prev());
    to->set_bytes_max(from.bytes_max);
  }
  void operator()(const consensus::Fetched& from) {
    auto* to = header->mutable_fetched();
    Put(from.ballot, to->mutable_ballot());
    Put(from.promised, to->mutable_promised());
    to->set_matched(from.matched);
    Put(from.prev, to->mutable_prev());
    Put(from.base, to->mutable_base());
    entries = &from.entries;
  }
  void operator()(const consensus::Accept& from) {
    auto* to = header->mutable_accept();
    Put(from.ballot, to->mutable_ballot());
    Put(from.prev, to->mutable_prev());
    to->set_commit_slot(from.commit.value);
    to->set_sent_at_us(from.sent_at_us);
    to->set_lease_us(from.lease_us);
    to->set_read_round(from.read_round);
    to->set_durable_slot(from.durable.value);
    to->set_proof_age_us(from.proof_age_us);
    to->set_quorum_age_us(from.quorum_age_us);
    to->set_echo_us(from.echo_us);
    to->set_data_floor(from.data_floor.value);
    if (from.health.number != 0) Put(from.health, to->mutable_health());
    entries = &from.entries;
  }
  void operator()(const consensus::Accepted& from) {
    auto* to = header->mutable_accepted();
    Put(from.ballot, to->mutable_ballot());
    to->set_matched(from.matched);
    Put(from.hint, to->mutable_hint());
    to->set_match_slot(from.match.value);
    to->set_sent_at_us(from.sent_at_us);
    to->set_lease_granted(from.lease_granted);
    to->set_read_round(from.read_round);
    to->set_clock_us(from.clock_us);
    if (from.health != consensus::NodeHealth{}) Put(from.health, to->mutable_health());
  }
  void operator()(const consensus::AskSlot& from) { header->mutable_ask_slot()->set_ask(from.ask); }
  void operator()(const consensus::TellSlot& from) {
    auto* to = header->mutable_tell_slot();
    to->set_ask(from.ask);
    to->set_granted(from.granted);
    to->set_slot(from.slot.value);
  }
  void operator()(const consensus::SnapshotOffer& from) {
    auto* to = header->mutable_snapshot_offer();
    Put(from.ballot, to->mutable_ballot());
    to->set_snapshot(from.snapshot);
    Put(from.prev, to->mutable_prev());
    Put(from.last, to->mutable_last());
    Put(from.configuration.at, to->mutable_configuration_at());
    PutMembership(to->mutable_membership(), from.configuration.membership);
    to->set_bytes(from.bytes);
    piece = from.entry;
  }
  void operator()(const consensus::SnapshotPull& from) {
    auto* to = header->mutable_snapshot_pull();
    to->set_snapshot(from.snapshot);
    to->set_position(from.position);
    to->set_window_bytes(from.window_bytes);
    to->set_done(from.done);
    to->set_again(from.again);
    to->set_failed(from.failed);
  }
  void operator()(const consensus::SnapshotChunk& from) {
    auto* to = header->mutable_snapshot_chunk();
    to->set_snapshot(from.snapshot);
    to->set_position(from.position);
    to->set_checksum(from.checksum);
    piece = from.bytes;
  }
  void operator()(const consensus::TakeOver& from) {
    auto* to = header->mutable_take_over();
    Put(from.ballot, to->mutable_ballot());
    Put(from.seal, to->mutable_seal());
  }
  void operator()(const consensus::LossReport& from) {
    header->mutable_loss_report()->set_checksum(Checksum(*from.losses));
    piece = from.losses;
  }
  void operator()(const consensus::HandoverTalk& from) {
    header->mutable_handover_talk()->set_checksum(Checksum(*from.word));
    piece = from.word;
  }
  void operator()(const consensus::Abdicate& from) {
    Put(from.ballot, header->mutable_abdicate()->mutable_ballot());
  }
};

bool GetRefusal(uint32_t from, consensus::Refusal* to) {
  *to = static_cast<consensus::Refusal>(from);
  return from <= static_cast<uint32_t>(consensus::Refusal::kUnable);
}

// False for a body that this version does not know or whose values are out of range.
bool ReadBody(const PeerHeader& header, consensus::MessageBody* body) {
  switch (header.body_case()) {
    case PeerHeader::kCanvass: {
      const auto& from = header.canvass();
      *body = consensus::Canvass{Get(from.ballot()), Get(from.last())};
      return true;
    }
    case PeerHeader::kCanvassReply: {
      const auto& from = header.canvass_reply();
      consensus::CanvassReply to{Get(from.ballot()), from.granted()};
      to.promised = Get(from.promised());
      const bool known = GetRefusal(from.refusal(), &to.refusal);
      *body = to;
      return known;
    }
    case PeerHeader::kPrepare: {
      const auto& from = header.prepare();
      *body = consensus::Prepare{Get(from.ballot()), Get(from.succeeds())};
      return true;
    }
    case PeerHeader::kPromise: {
      const auto& from = header.promise();
      *body = consensus::Promise{Get(from.ballot()), Get(from.last())};
      return true;
    }
    case PeerHeader::kNack: {
      const auto& from = header.nack();
      consensus::Nack to{Get(from.ballot()), Get(from.promised())};
      const bool known = GetRefusal(from.refusal(), &to.refusal);
      *body = to;
      return known;
    }
    case PeerHeader::kFetch: {
      const auto& from = header.fetch();
      *body = consensus::Fetch{Get(from.ballot()), Get(from.prev()), from.bytes_max()};
      return true;
    }
    case PeerHeader::kFetched: {
      const auto& from = header.fetched();
      *body = consensus::Fetched{Get(from.ballot()), Get(from.promised()), from.matched(),
                                 Get(from.prev()),   Get(from.base()),     {}};
      return true;
    }
    case PeerHeader::kAccept: {
      const auto& from = header.accept();
      *body = consensus::Accept{.ballot = Get(from.ballot()),
                                .prev = Get(from.prev()),
                                .entries = {},
                                .commit = Slot{from.commit_slot()},
                                .sent_at_us = from.sent_at_us(),
                                .lease_us = from.lease_us(),
                                .read_round = from.read_round(),
                                .durable = Slot{from.durable_slot()},
                                .proof_age_us = from.proof_age_us(),
                                .quorum_age_us = from.quorum_age_us(),
                                .echo_us = from.echo_us(),
                                .data_floor = Slot{from.data_floor()},
                                .health = Get(from.health())};
      return true;
    }
    case PeerHeader::kAccepted: {
      const auto& from = header.accepted();
      *body = consensus::Accepted{.ballot = Get(from.ballot()),
                                  .matched = from.matched(),
                                  .hint = Get(from.hint()),
                                  .match = Slot{from.match_slot()},
                                  .sent_at_us = from.sent_at_us(),
                                  .lease_granted = from.lease_granted(),
                                  .read_round = from.read_round(),
                                  .clock_us = from.clock_us(),
                                  .health = Get(from.health())};
      return true;
    }
    case PeerHeader::kAskSlot:
      *body = consensus::AskSlot{header.ask_slot().ask()};
      return true;
    case PeerHeader::kTellSlot: {
      const auto& from = header.tell_slot();
      *body = consensus::TellSlot{from.ask(), from.granted(), Slot{from.slot()}};
      return true;
    }
    case PeerHeader::kAbdicate:
      *body = consensus::Abdicate{Get(header.abdicate().ballot())};
      return true;
    case PeerHeader::kSnapshotOffer: {
      const auto& from = header.snapshot_offer();
      consensus::SnapshotOffer to{.ballot = Get(from.ballot()),
                                  .snapshot = from.snapshot(),
                                  .prev = Get(from.prev()),
                                  .last = Get(from.last()),
                                  .entry = nullptr,
                                  .configuration = {Get(from.configuration_at()), {}},
                                  .bytes = from.bytes()};
      Decoder membership(from.membership());
      const bool read = ReadMembership(&membership, &to.configuration.membership);
      *body = std::move(to);
      return read && membership.Done();
    }
    case PeerHeader::kSnapshotPull: {
      const auto& from = header.snapshot_pull();
      *body = consensus::SnapshotPull{from.snapshot(), from.position(), from.window_bytes(),
                                      from.again(),    from.done(),     from.failed()};
      return true;
    }
    case PeerHeader::kSnapshotChunk: {
      const auto& from = header.snapshot_chunk();
      *body = consensus::SnapshotChunk{from.snapshot(), from.position(), from.checksum(), nullptr};
      return true;
    }
    case PeerHeader::kTakeOver: {
      const auto& from = header.take_over();
      *body = consensus::TakeOver{Get(from.ballot()), Get(from.seal())};
      return true;
    }
    case PeerHeader::kLossReport:
      *body = consensus::LossReport{};
      return true;
    case PeerHeader::kHandoverTalk:
      *body = consensus::HandoverTalk{};
      return true;
    case PeerHeader::kHello:
    case PeerHeader::BODY_NOT_SET:
      return false;
  }
  return false;
}

// Reads consecutive bytes from slices, frame by frame.
class SliceReader {
 public:
  explicit SliceReader(absl::Span<const std::string_view> slices) : slices_(slices) {
    for (const std::string_view slice : slices) total_ += slice.size();
  }

  // Reads a frame's length; false when it does not fit what there is. REQUIRES: left() == 0.
  bool BeginFrame() {
    BATON_CHECK(left_ == 0);
    if (total_ < kLengthBytes) return false;
    left_ = kLengthBytes;
    const uint32_t size = LoadFixed32(Read(kLengthBytes).data());
    if (size > total_ || size > kPeerFrameBytesMax) return false;
    left_ = size;
    return true;
  }
  uint64_t left() const { return left_; }    // of the frame
  bool more() const { return total_ != 0; }  // bytes after it

  // REQUIRES: size <= left().
  std::string Read(uint64_t size) {
    BATON_CHECK(size <= left_);
    std::string bytes;
    bytes.reserve(size);
    while (bytes.size() < size) {
      const std::string_view slice = slices_[index_];
      const size_t count = std::min<uint64_t>(size - bytes.size(), slice.size() - offset_);
      bytes.append(slice.substr(offset_, count));
      offset_ += count;
      if (offset_ == slice.size()) {
        ++index_;
        offset_ = 0;
      }
    }
    left_ -= size;
    total_ -= size;
    return bytes;
  }

 private:
  absl::Span<const std::string_view> slices_;
  size_t index_ = 0;
  size_t offset_ = 0;
  uint64_t left_ = 0;
  uint64_t total_ = 0;  // left_ <= total_
};

absl::Status NotAMessage(const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("not a peer message: ", what));
}

absl::StatusOr<std::vector<consensus::Entry>> ReadEntries(const PeerHeader& header,
                                                          SliceReader* from) {
  std::vector<consensus::Entry> entries;
  for (const uint32_t size : header.entry_bytes()) {
    if (size > from->left()) return NotAMessage("it ends inside an entry");
    auto bytes = std::make_shared<const std::string>(from->Read(size));
    absl::StatusOr<consensus::Entry> entry =
        ParseEntry(std::move(bytes), GroupId{header.group()}, EntryHash::kVerify);
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
  }
  if (from->left() != 0) return NotAMessage("bytes follow its last entry");
  return entries;
}

bool Follow(const EntryId& prev, const std::vector<consensus::Entry>& entries) {
  EntryId before = prev;
  for (const consensus::Entry& entry : entries) {
    if (entry.id.slot != before.slot.Next() || entry.id.born < before.born) return false;
    before = entry.id;
  }
  return true;
}

// Puts the entries where the body holds them. False when they do not belong there.
bool AttachEntries(std::vector<consensus::Entry> entries, consensus::MessageBody* body) {
  if (auto* accept = std::get_if<consensus::Accept>(body)) {
    if (!Follow(accept->prev, entries)) return false;
    accept->entries = std::move(entries);
    return true;
  }
  if (auto* fetched = std::get_if<consensus::Fetched>(body)) {
    if (!fetched->matched && !entries.empty()) return false;
    if (!Follow(fetched->prev, entries)) return false;
    fetched->entries = std::move(entries);
    return true;
  }
  return entries.empty();
}

bool HasPiece(const consensus::MessageBody& body) {
  return std::holds_alternative<consensus::SnapshotOffer>(body) ||
         std::holds_alternative<consensus::SnapshotChunk>(body) ||
         std::holds_alternative<consensus::LossReport>(body) ||
         std::holds_alternative<consensus::HandoverTalk>(body);
}

// Puts the piece where the body holds it, verified.
absl::Status AttachPiece(std::shared_ptr<const std::string> piece, const PeerHeader& header,
                         consensus::MessageBody* body) {
  if (auto* report = std::get_if<consensus::LossReport>(body)) {
    if (Checksum(*piece) != header.loss_report().checksum()) {
      return absl::DataLossError("a report of losses is damaged");
    }
    report->losses = std::move(piece);
    return absl::OkStatus();
  }
  if (auto* talk = std::get_if<consensus::HandoverTalk>(body)) {
    if (Checksum(*piece) != header.handover_talk().checksum()) {
      return absl::DataLossError("a word about a handover is damaged");
    }
    talk->word = std::move(piece);
    return absl::OkStatus();
  }
  if (auto* chunk = std::get_if<consensus::SnapshotChunk>(body)) {
    if (Checksum(*piece) != chunk->checksum) {
      return absl::DataLossError("a chunk of a snapshot is damaged");
    }
    chunk->bytes = std::move(piece);
    return absl::OkStatus();
  }
  auto& offer = std::get<consensus::SnapshotOffer>(*body);
  const auto entry = ParseEntry(piece, GroupId{header.group()}, EntryHash::kVerify);
  if (!entry.ok()) return entry.status();
  if (entry->id != offer.last || offer.prev.slot.Next() != offer.last.slot) {
    return NotAMessage("a snapshot's last entry is another");
  }
  offer.entry = std::move(piece);
  return absl::OkStatus();
}

std::string Head(const PeerHeader& header, uint64_t entry_bytes) {
  const size_t size = header.ByteSizeLong();
  BATON_CHECK(size <= kPeerHeaderBytesMax);
  const uint64_t rest = kLengthBytes + size + entry_bytes;
  BATON_CHECK(rest <= kPeerFrameBytesMax);
  std::string head;
  head.reserve(2 * kLengthBytes + size);
  PutFixed32(&head, static_cast<uint32_t>(rest));
  PutFixed32(&head, static_cast<uint32_t>(size));
  BATON_CHECK(header.AppendToString(&head));
  return head;
}

absl::StatusOr<PeerMessage> ParseFrame(SliceReader* from) {
  if (from->left() < kLengthBytes) return NotAMessage("it is too short");
  const uint32_t header_bytes = LoadFixed32(from->Read(kLengthBytes).data());
  if (header_bytes > kPeerHeaderBytesMax || header_bytes > from->left()) {
    return NotAMessage("its header is longer than it");
  }
  PeerHeader header;
  if (!header.ParseFromString(from->Read(header_bytes))) {
    return NotAMessage("its header cannot be read");
  }
  if (header.has_hello()) {
    if (header.entry_bytes_size() != 0 || from->left() != 0) return NotAMessage("a long hello");
    return PeerMessage(std::move(*header.mutable_hello()));
  }
  Message message;
  message.from = NodeId{header.from()};
  message.to = NodeId{header.to()};
  message.group = GroupId{header.group()};
  if (!ReadBody(header, &message.body)) return NotAMessage("its kind or a value is unknown");
  if (HasPiece(message.body)) {
    if (header.entry_bytes_size() != 1 || header.entry_bytes(0) != from->left()) {
      return NotAMessage("not one piece");
    }
    auto piece = std::make_shared<const std::string>(from->Read(from->left()));
    if (absl::Status s = AttachPiece(std::move(piece), header, &message.body); !s.ok()) {
      return s;
    }
    return PeerMessage(std::move(message));
  }
  absl::StatusOr<std::vector<consensus::Entry>> entries = ReadEntries(header, from);
  if (!entries.ok()) return entries.status();
  if (!AttachEntries(*std::move(entries), &message.body)) {
    return NotAMessage("its entries do not follow each other");
  }
  return PeerMessage(std::move(message));
}

}  // namespace

uint64_t FramedMessage::size() const {
  uint64_t size = head.size();
  for (const auto& entry : entries) size += entry->size();
  return size;
}

FramedMessage FrameMessage(const Message& message) {
  PeerHeader header;
  header.set_from(message.from.value);
  header.set_to(message.to.value);
  header.set_group(message.group.value);
  BodyWriter writer{&header};
  std::visit([&](const auto& body) { writer(body); }, message.body);
  FramedMessage framed;
  uint64_t entry_bytes = 0;
  if (writer.entries != nullptr) {
    for (const consensus::Entry& entry : *writer.entries) {
      header.add_entry_bytes(static_cast<uint32_t>(entry.bytes->size()));
      framed.entries.push_back(entry.bytes);
      entry_bytes += entry.bytes->size();
    }
  }
  if (writer.piece != nullptr) {
    entry_bytes = writer.piece->size();
    header.add_entry_bytes(static_cast<uint32_t>(entry_bytes));
    framed.entries.push_back(std::move(writer.piece));
  }
  framed.head = Head(header, entry_bytes);
  return framed;
}

FramedMessage FrameHello(const peer::v1::Hello& hello) {
  PeerHeader header;
  header.set_from(hello.node_id());
  header.set_to(hello.to_node_id());
  *header.mutable_hello() = hello;
  return FramedMessage{Head(header, 0), {}};
}

absl::StatusOr<std::vector<PeerMessage>> ParseFrames(absl::Span<const std::string_view> slices) {
  SliceReader from(slices);
  std::vector<PeerMessage> messages;
  do {
    if (!from.BeginFrame()) return NotAMessage("a frame's length is wrong");
    absl::StatusOr<PeerMessage> message = ParseFrame(&from);
    if (!message.ok()) return message.status();
    messages.push_back(*std::move(message));
  } while (from.more());
  return messages;
}

}  // namespace baton::server
