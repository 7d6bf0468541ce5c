#include "server/codec/stored_rows.h"

#include "base/coding.h"
#include "server/codec/membership_codec.h"
#include "server/codec/row_coding.h"

namespace baton::server {
namespace {

using consensus::Cause;
using consensus::Configuration;
using consensus::Configurations;
using consensus::HardState;

constexpr uint8_t kHardStateVersionOne = 1;

}  // namespace

std::string EncodeHardState(const HardState& state) {
  std::string bytes;
  PutByte(&bytes, kHardStateVersion);
  PutBallot(&bytes, state.promised);
  PutVarint(&bytes, static_cast<uint64_t>(state.longest_lease_us));
  const std::vector<Configuration>& configurations = state.configurations.all();
  PutVarint(&bytes, configurations.size());
  for (const Configuration& each : configurations) {
    PutVarint(&bytes, each.at.slot.value);
    PutBallot(&bytes, each.at.born);
    PutMembership(&bytes, each.membership);
  }
  return bytes;
}

namespace {

// False: they are none, or not in order.
bool ReadConfigurations(Decoder* from, Configurations* configurations) {
  const uint64_t count = from->ReadVarint();
  if (count > kMembersMax) return false;
  std::vector<Configuration> all;
  for (uint64_t i = 0; i < count; ++i) {
    Configuration each;
    each.at.slot = Slot{from->ReadVarint()};
    each.at.born = ReadBallot(from);
    if (!ReadMembership(from, &each.membership)) return false;
    const bool follows = all.empty() || (all.back().at.slot < each.at.slot &&
                                         all.back().membership.epoch < each.membership.epoch);
    if (!follows) return false;
    all.push_back(std::move(each));
  }
  if (!all.empty()) *configurations = Configurations(std::move(all));
  return true;
}

}  // namespace

absl::StatusOr<HardState> DecodeHardState(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t version = from.ReadByte();
  if (!from.ok()) return Unreadable("the hard state");
  if (version != kHardStateVersionOne) {
    absl::Status s = CheckVersion("the hard state", version, kHardStateVersion);
    if (!s.ok()) return s;
  }
  HardState state;
  state.promised = ReadBallot(&from);
  state.longest_lease_us = static_cast<int64_t>(from.ReadVarint());
  if (version == kHardStateVersionOne) {
    from.ReadVarint();  // its epoch, always the first
  } else if (!ReadConfigurations(&from, &state.configurations)) {
    return Unreadable("the hard state");
  }
  if (!from.Done() || state.longest_lease_us < 0) return Unreadable("the hard state");
  return state;
}

bool ByElection(const consensus::Reign& reign) {
  return reign.cause == consensus::Cause::kElection ||
         (reign.cause == consensus::Cause::kAborted && reign.predecessor.node != reign.ballot.node);
}

std::string ReignRowSuffix(const Ballot& ballot) {
  std::string key;
  PutBig64(&key, ballot.round);
  PutBig32(&key, ballot.node.value);
  return key;
}

std::string EncodeReignRow(const ReignRow& row) {
  std::string bytes;
  PutByte(&bytes, kReignRowVersion);
  PutBallot(&bytes, row.reign.ballot);
  PutByte(&bytes, static_cast<uint8_t>(row.reign.cause));
  PutVarint(&bytes, row.reign.handover);
  PutBallot(&bytes, row.reign.predecessor);
  PutVarint(&bytes, row.reign.predecessor_durable.value);
  PutVarint(&bytes, row.reign.policy_version);
  PutVarint(&bytes, row.slot.value);
  PutVarint(&bytes, static_cast<uint64_t>(row.log_time_us));
  PutVarint(&bytes, static_cast<uint64_t>(row.wall_time_us));
  PutVarint(&bytes, static_cast<uint64_t>(row.candidacy_us));
  return bytes;
}

absl::StatusOr<ReignRow> DecodeReignRow(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t version = from.ReadByte();
  if (!from.ok()) return Unreadable("a reign row");
  if (absl::Status s = CheckVersion("a reign row", version, kReignRowVersion); !s.ok()) return s;
  ReignRow row;
  row.reign.ballot = ReadBallot(&from);
  const uint8_t cause = from.ReadByte();
  row.reign.cause = static_cast<Cause>(cause);
  row.reign.handover = from.ReadVarint();
  row.reign.predecessor = ReadBallot(&from);
  row.reign.predecessor_durable = Slot{from.ReadVarint()};
  row.reign.policy_version = from.ReadVarint();
  row.slot = Slot{from.ReadVarint()};
  row.log_time_us = static_cast<int64_t>(from.ReadVarint());
  row.wall_time_us = static_cast<int64_t>(from.ReadVarint());
  row.candidacy_us = static_cast<int64_t>(from.ReadVarint());
  const bool known = cause >= 1 && cause <= static_cast<uint8_t>(Cause::kAborted);
  if (!from.Done() || !known) return Unreadable("a reign row");
  return row;
}

std::string MembersRowSuffix(Epoch epoch) {
  std::string key;
  PutBig64(&key, epoch.value);
  return key;
}

std::string EncodeMembersRow(const MembersRow& row) {
  std::string bytes;
  PutByte(&bytes, kMembersRowVersion);
  PutMembership(&bytes, row.membership);
  PutVarint(&bytes, row.slot.value);
  PutVarint(&bytes, static_cast<uint64_t>(row.log_time_us));
  PutVarint(&bytes, static_cast<uint64_t>(row.wall_time_us));
  PutString(&bytes, row.actor);
  PutString(&bytes, row.reason);
  return bytes;
}

absl::StatusOr<MembersRow> DecodeMembersRow(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t version = from.ReadByte();
  if (!from.ok()) return Unreadable("a row of members");
  absl::Status known = CheckVersion("a row of members", version, kMembersRowVersion);
  if (!known.ok()) return known;
  MembersRow row;
  if (!ReadMembership(&from, &row.membership)) return Unreadable("a row of members");
  row.slot = Slot{from.ReadVarint()};
  row.log_time_us = static_cast<int64_t>(from.ReadVarint());
  row.wall_time_us = static_cast<int64_t>(from.ReadVarint());
  row.actor = std::string(from.ReadString());
  row.reason = std::string(from.ReadString());
  if (!from.Done()) return Unreadable("a row of members");
  return row;
}

}  // namespace baton::server
