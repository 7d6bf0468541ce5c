#include "server/replica/recover.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/codec/entry_codec.h"
#include "server/codec/membership_codec.h"
#include "server/codec/stored_rows.h"

namespace baton::server {
namespace {

constexpr uint64_t kReadBytes = 4 << 20;

// In force before the log begins.
consensus::Configurations FirstConfiguration(Epoch epoch, const std::vector<MemberInfo>& members) {
  return consensus::Configurations({{EntryId{}, MembershipOf(epoch, members)}});
}

Epoch NewestEpoch(const consensus::Recovered& core) {
  return core.in_log.empty() ? core.hard_state.configurations.newest().epoch
                             : std::max(core.hard_state.configurations.newest().epoch,
                                        core.in_log.back().membership.epoch);
}

// Every entry that is still to be applied must be one that this build can read. Adds those that
// carry memberships to `in_log`.
absl::Status ReadUnapplied(const wal::Wal& wal, Slot first, Slot last,
                           std::vector<consensus::Configuration>* in_log) {
  while (first <= last) {
    const auto records = wal.Read(kFirstGroup, first, last, kReadBytes);
    if (!records.ok()) return records.status();
    for (const wal::EntryRecord& record : *records) {
      const auto entry = DecodeEntry(*record.bytes, EntryHash::kVerified);
      if (!entry.ok()) return entry.status();
      if (const auto* membership = std::get_if<consensus::Membership>(&entry->core)) {
        in_log->push_back(consensus::Configuration{entry->id, *membership});
      }
    }
    first = Slot{first.value + records->size()};
  }
  return absl::OkStatus();
}

// The Seal at the end of the log; nullopt: it ends in another entry, or is empty.
absl::StatusOr<std::optional<consensus::Seal>> ReadSeal(const wal::Wal& wal, const EntryId& base,
                                                        Slot last) {
  if (last == base.slot) return std::nullopt;
  const auto records = wal.Read(kFirstGroup, last, last, kReadBytes);
  if (!records.ok()) return records.status();
  const auto entry = DecodeEntry(*records->front().bytes, EntryHash::kVerified);
  if (!entry.ok()) return entry.status();
  return SealIn(entry->core);
}

}  // namespace

absl::StatusOr<RecoveredNode> Recover(const wal::Wal& wal, const wal::Recovery& recovery,
                                      const engine::Engine* engine, Epoch epoch,
                                      const std::vector<MemberInfo>& members) {
  RecoveredNode node;
  consensus::Recovered& core = node.core;
  core.hard_state.configurations = FirstConfiguration(epoch, members);
  if (engine != nullptr) core.applied = engine->applied();
  for (const wal::RecoveredGroup& group : recovery.groups) {
    if (group.group != kFirstGroup) continue;
    core.base = group.base;
    core.last = group.last;
    core.runs = group.runs;
    if (group.state.empty()) {
      // To accept is to have promised, and both are written in order.
      if (group.last != Slot{}) node.fault = "the log has entries, and no promise with them";
      continue;
    }
    absl::StatusOr<consensus::HardState> state = DecodeHardState(group.state);
    if (!state.ok()) return state.status();
    if (state->configurations.all().empty()) {
      state->configurations = core.hard_state.configurations;
    }
    core.hard_state = *std::move(state);
  }
  // Of a witness that much is known to be chosen.
  if (engine == nullptr) core.applied = core.base.slot;
  if (recovery.fault) {
    node.fault = absl::StrCat("the log is damaged at slot ", recovery.fault->slot.value, ": ",
                              recovery.fault->what);
    return node;
  }
  if (core.applied > core.last) {
    node.fault =
        absl::StrCat("the state is applied up to slot ", core.applied.value,
                     " and the log ends at slot ", core.last.value, ": a part of the log is gone");
    return node;
  }
  if (core.applied < core.base.slot) {
    node.fault = absl::StrCat("the log begins after slot ", core.base.slot.value,
                              " and the state is applied only up to slot ", core.applied.value,
                              ": a part of the state is gone");
    return node;
  }
  if (absl::Status s = ReadUnapplied(wal, core.applied.Next(), core.last, &core.in_log); !s.ok()) {
    return s;
  }
  // An epoch that is newer than all that the log knows of does not come from the log: the quorum
  // that could have chosen it was gone for good.
  if (NewestEpoch(core) < epoch) {
    core.hard_state.configurations = FirstConfiguration(epoch, members);
    core.in_log.clear();
  }
  const auto seal = ReadSeal(wal, core.base, core.last);
  if (!seal.ok()) return seal.status();
  core.seal = *seal;
  return node;
}

consensus::Membership MembershipOf(Epoch epoch, const std::vector<MemberInfo>& members) {
  consensus::Membership membership;
  membership.epoch = epoch;
  for (const MemberInfo& member : members) {
    membership.members.push_back(
        {member.node, static_cast<consensus::Role>(member.role),
         EncodeCard({member.name, member.directory, member.client_address, member.peer_address})});
  }
  std::sort(membership.members.begin(), membership.members.end(),
            [](const auto& a, const auto& b) { return a.node < b.node; });
  return membership;
}

absl::StatusOr<EntryStamp> ReadStamp(const wal::Wal& wal, Slot slot) {
  auto records = wal.Read(kFirstGroup, slot, slot, 1);
  if (!records.ok()) return records.status();
  auto entry = DecodeEntry(*records->front().bytes, EntryHash::kVerified);
  if (!entry.ok()) return entry.status();
  return entry->stamp;
}

}  // namespace baton::server
