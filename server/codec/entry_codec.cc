#include "server/codec/entry_codec.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "server/codec/membership_codec.h"

namespace baton::server {
namespace {

using consensus::Cause;
using consensus::CorePart;
using consensus::Membership;
using consensus::Reign;
using consensus::Seal;

// Kinds as stored; numbers are never reused.
enum class Kind : uint8_t { kNone = 0, kReign = 1, kSeal = 2, kMembership = 3 };

constexpr size_t kHeaderBytes = 80;
constexpr size_t kSlotOffset = 8;
constexpr size_t kHashBytes = 8;

Kind KindOf(const CorePart& core) {
  if (std::holds_alternative<Reign>(core)) return Kind::kReign;
  if (std::holds_alternative<Seal>(core)) return Kind::kSeal;
  if (std::holds_alternative<Membership>(core)) return Kind::kMembership;
  return Kind::kNone;
}

void PutBallot(std::string* to, const Ballot& ballot) {
  PutFixed64(to, ballot.round);
  PutFixed32(to, ballot.node.value);
}

Ballot ReadBallot(Decoder* from) {
  Ballot ballot;
  ballot.round = from->ReadFixed64();
  ballot.node = NodeId{from->ReadFixed32()};
  return ballot;
}

std::string EncodeCore(const CorePart& core) {
  std::string to;
  if (const auto* reign = std::get_if<Reign>(&core)) {
    PutBallot(&to, reign->ballot);
    PutByte(&to, static_cast<uint8_t>(reign->cause));
    PutFixed64(&to, reign->handover);
    PutBallot(&to, reign->predecessor);
    PutFixed64(&to, reign->predecessor_durable.value);
    PutFixed64(&to, reign->policy_version);
  } else if (const auto* seal = std::get_if<Seal>(&core)) {
    PutFixed64(&to, seal->handover);
    PutFixed32(&to, seal->to.value);
  } else if (const auto* membership = std::get_if<Membership>(&core)) {
    PutMembership(&to, *membership);
  }
  return to;
}

bool DecodeReign(Decoder* from, Reign* reign) {
  reign->ballot = ReadBallot(from);
  const uint8_t cause = from->ReadByte();
  if (cause < 1 || cause > static_cast<uint8_t>(Cause::kAborted)) return false;
  reign->cause = static_cast<Cause>(cause);
  reign->handover = from->ReadFixed64();
  reign->predecessor = ReadBallot(from);
  reign->predecessor_durable = Slot{from->ReadFixed64()};
  reign->policy_version = from->ReadFixed64();
  return from->Done();
}

bool DecodeSeal(Decoder* from, Seal* seal) {
  seal->handover = from->ReadFixed64();
  seal->to = NodeId{from->ReadFixed32()};
  return from->Done();
}

// False when the bytes are not a well-formed core part of that kind.
bool DecodeCore(Kind kind, std::string_view bytes, CorePart* core) {
  Decoder from(bytes);
  switch (kind) {
    case Kind::kNone:
      return from.Done();
    case Kind::kReign:
      return DecodeReign(&from, &core->emplace<Reign>());
    case Kind::kSeal:
      return DecodeSeal(&from, &core->emplace<Seal>());
    case Kind::kMembership:
      return ReadMembership(&from, &core->emplace<Membership>()) && from.Done();
  }
  return false;
}

absl::Status Malformed(Slot slot, const char* what) {
  return absl::DataLossError(absl::StrCat("entry at slot ", slot.value, ": ", what));
}

}  // namespace

std::shared_ptr<const std::string> EncodeEntry(GroupId group, EntryId id, const CorePart& core,
                                               const EntryStamp& stamp, std::string_view effects) {
  const std::string core_bytes = EncodeCore(core);
  const size_t size = kHeaderBytes + core_bytes.size() + effects.size() + kHashBytes;
  BATON_CHECK(size <= kEntryBytesMax) << "entry of " << size << " bytes";
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(size);
  PutByte(bytes.get(), kEntryVersion);
  PutByte(bytes.get(), static_cast<uint8_t>(KindOf(core)));
  PutByte(bytes.get(), 0);
  PutByte(bytes.get(), 0);
  PutFixed32(bytes.get(), group.value);
  PutFixed64(bytes.get(), id.slot.value);
  PutBallot(bytes.get(), id.born);
  PutFixed32(bytes.get(), stamp.request_count);
  PutFixed64(bytes.get(), static_cast<uint64_t>(stamp.log_time_us));
  PutFixed64(bytes.get(), static_cast<uint64_t>(stamp.wall_time_us));
  PutFixed64(bytes.get(), stamp.base_revision.value);
  PutFixed64(bytes.get(), stamp.revision_ceiling.value);
  PutFixed64(bytes.get(), stamp.log_floor.value);
  PutFixed32(bytes.get(), static_cast<uint32_t>(core_bytes.size()));
  PutFixed32(bytes.get(), static_cast<uint32_t>(effects.size()));
  BATON_CHECK(bytes->size() == kHeaderBytes);
  bytes->append(core_bytes);
  bytes->append(effects);
  PutFixed64(bytes.get(), Checksum(*bytes));
  return bytes;
}

absl::StatusOr<DecodedEntry> DecodeEntry(std::string_view bytes, EntryHash hash) {
  // The first byte, the slot's place and the hash at the end are the same in every version.
  if (bytes.size() < kHeaderBytes + kHashBytes || bytes.size() > kEntryBytesMax) {
    return absl::DataLossError(absl::StrCat("entry of ", bytes.size(), " bytes"));
  }
  const Slot slot{LoadFixed64(bytes.data() + kSlotOffset)};
  const std::string_view body = bytes.substr(0, bytes.size() - kHashBytes);
  if (hash == EntryHash::kVerify && Checksum(body) != LoadFixed64(body.data() + body.size())) {
    return Malformed(slot, "its hash does not match its bytes");
  }
  Decoder from(body);
  const uint8_t version = from.ReadByte();
  if (version != kEntryVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "entry at slot ", slot.value, " has version ", version, "; this build reads version ",
        kEntryVersion, ": start the build that wrote it, or a newer one"));
  }
  const uint8_t kind = from.ReadByte();
  if (kind > static_cast<uint8_t>(Kind::kMembership)) {
    return absl::FailedPreconditionError(
        absl::StrCat("entry at slot ", slot.value, " has kind ", kind,
                     ", which this build does not know: start the build that wrote it"));
  }
  if (from.ReadByte() != 0 || from.ReadByte() != 0)
    return Malformed(slot, "reserved bytes are set");
  DecodedEntry entry;
  entry.group = GroupId{from.ReadFixed32()};
  entry.id.slot = Slot{from.ReadFixed64()};
  entry.id.born = ReadBallot(&from);
  entry.stamp.request_count = from.ReadFixed32();
  entry.stamp.log_time_us = static_cast<int64_t>(from.ReadFixed64());
  entry.stamp.wall_time_us = static_cast<int64_t>(from.ReadFixed64());
  entry.stamp.base_revision = Revision{from.ReadFixed64()};
  entry.stamp.revision_ceiling = Revision{from.ReadFixed64()};
  entry.stamp.log_floor = Slot{from.ReadFixed64()};
  const uint32_t core_bytes = from.ReadFixed32();
  const uint32_t effects_bytes = from.ReadFixed32();
  const std::string_view core = from.ReadBytes(core_bytes);
  entry.effects = from.ReadBytes(effects_bytes);
  if (!from.Done()) return Malformed(slot, "its lengths do not add up");
  if (entry.id.slot.value == 0) return Malformed(slot, "slots count from 1");
  if (!DecodeCore(static_cast<Kind>(kind), core, &entry.core)) {
    return Malformed(slot, "its core part cannot be read");
  }
  return entry;
}

absl::StatusOr<consensus::Entry> ParseEntry(std::shared_ptr<const std::string> bytes, GroupId group,
                                            EntryHash hash) {
  absl::StatusOr<DecodedEntry> decoded = DecodeEntry(*bytes, hash);
  if (!decoded.ok()) return decoded.status();
  if (decoded->group != group) return Malformed(decoded->id.slot, "it belongs to another group");
  return consensus::Entry{decoded->id, std::move(decoded->core), std::move(bytes)};
}

}  // namespace baton::server
