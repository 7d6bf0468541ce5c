#include "server/codec/peer_codec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "server/codec/entry_codec.h"
#include "server/codec/peer_body.h"

namespace baton::server {
namespace {

using consensus::Message;
using peer::v1::PeerHeader;

constexpr size_t kLengthBytes = 4;

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
  BehindHeader behind = WriteBody(message.body, &header);
  FramedMessage framed;
  uint64_t entry_bytes = 0;
  if (behind.entries != nullptr) {
    for (const consensus::Entry& entry : *behind.entries) {
      header.add_entry_bytes(static_cast<uint32_t>(entry.bytes->size()));
      framed.entries.push_back(entry.bytes);
      entry_bytes += entry.bytes->size();
    }
  }
  if (behind.piece != nullptr) {
    entry_bytes = behind.piece->size();
    header.add_entry_bytes(static_cast<uint32_t>(entry_bytes));
    framed.entries.push_back(std::move(behind.piece));
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
