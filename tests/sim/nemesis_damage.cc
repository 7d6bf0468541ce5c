// Rot: one bit of an entry that was synced long ago is no longer what was written. The node must
// find it when it reads the entry, at its next start at the latest, say which slot it is, and take
// no part any more.
//
// Damage is struck only where a running log must tell it from a torn tail (docs/wal-format.md):
// what is above the last offset that the log states to be synced cannot be told apart. And only as
// many voters as the others can do without, since repair from peers does not exist yet.

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "tests/sim/memberships.h"
#include "tests/sim/nemesis.h"
#include "wal/recovery.h"

namespace baton::sim {
namespace {

struct Target {
  Slot slot;
  std::string path;
  uint64_t first_byte = 0;
  uint64_t bytes = 0;
};

// What is said to be synced is: else a power cut could take the word for it, and leave a tail.
void Settle(const std::vector<wal::Segment>& segments, Machine* machine) {
  for (const wal::Segment& segment : segments) {
    BATON_CHECK(machine->disk().FlipBit(segment.path, 0, 0).ok());
    BATON_CHECK(machine->disk().FlipBit(segment.path, 0, 0).ok());
  }
}

std::optional<Target> Pick(Machine* machine, Random* random) {
  // Entries that replaced others. Without their headers recovery cannot know that they did, and
  // names the slot that would have followed what they replaced.
  std::set<wal::LogPosition> replacing;
  Slot highest;
  const auto scan = wal::ScanLog(&machine->disk(), machine->wal_directory(), nullptr,
                                 [&](const wal::Frame& frame) {
                                   if (!frame.header.Is(wal::FrameType::kEntry)) return;
                                   const Slot slot = frame.header.id.slot;
                                   if (slot <= highest) replacing.insert(frame.at);
                                   highest = std::max(highest, slot);
                                 });
  if (!scan.ok() || scan->fault || scan->used == 0) return std::nullopt;
  const auto group = scan->groups.find(kFirstGroup);
  if (group == scan->groups.end()) return std::nullopt;
  const wal::GroupIndex& index = group->second.index;
  std::vector<Target> targets;
  // What was applied is chosen, and on the disk: another leader's entry could void the rest.
  const Slot last = std::min(index.last(), machine->applied_ever());
  for (Slot slot = index.base().slot.Next(); slot <= last; slot = slot.Next()) {
    const auto at = index.Find(slot);
    if (!at) continue;
    const uint64_t bytes = wal::kFrameHeaderBytes + at->payload_bytes;
    const wal::LogPosition end{at->segment, static_cast<uint32_t>(at->offset + bytes)};
    if (end > scan->stated) break;
    for (const wal::Segment& segment : scan->segments) {
      if (segment.header.number != at->segment) continue;
      const bool whole = !replacing.contains({at->segment, at->offset});
      const uint64_t spared = whole ? 0 : wal::kFrameHeaderBytes;
      targets.push_back(Target{slot, segment.path, at->offset + spared, bytes - spared});
    }
  }
  if (targets.empty()) return std::nullopt;
  Settle(scan->segments, machine);
  // One that is to be read back for the engine, if there is any.
  const auto lacking = [&](const Target& target) {
    return target.slot > machine->engine().applied();
  };
  targets.erase(targets.begin(), std::find_if(targets.begin(), targets.end() - 1, lacking));
  return targets[random->Below(targets.size())];
}

}  // namespace

void DamageEntry(Cluster* cluster) {
  Machine& victim = cluster->AnyMachine();
  if (victim.damaged() != Slot{}) return;
  std::vector<uint32_t> left = SoundNodes(*cluster);
  std::erase(left, victim.number());
  if (!CanServe(AllThatMayCount(*cluster), left)) return;
  if (victim.serving() && cluster->random().OneIn(2)) {  // its engine lacks what was not flushed
    victim.Die(Death::kKill);
    cluster->Start(victim);
  }
  const std::optional<Target> target = Pick(&victim, &cluster->random());
  if (!target) return;
  const uint64_t byte = target->first_byte + cluster->random().Below(target->bytes);
  const int bit = static_cast<int>(cluster->random().Below(8));
  BATON_CHECK(victim.disk().FlipBit(target->path, byte, bit).ok());
  victim.SetDamaged(target->slot);
  cluster->trace().Say(cluster->now_us(), victim.number(), "is damaged", target->slot.value, byte,
                       static_cast<uint64_t>(bit));
}

}  // namespace baton::sim
