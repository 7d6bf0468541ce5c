// Health: what each node says of itself and its leader measures of it, and what elections are
// decided by. Spread by heartbeats as a numbered table, so that all rank by the same facts.
//
// Values, free of threads. docs/consensus.md gives the classes and where they are measured.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "base/types.h"
#include "consensus/hasher.h"

namespace baton::consensus {

enum class LagClass : uint8_t { kClose = 0, kBehind = 1, kFar = 2, kSilent = 3 };
enum class DiskClass : uint8_t { kNormal = 0, kSlow = 1, kStuck = 2 };

// Of two nodes the one with the smaller value is the better leader, by the first field in which
// they differ, in the order that a RankOrder gives them.
struct NodeHealth {
  bool barred = false;              // by its operator: leads only if nobody else does
  bool recovering = false;          // replays, or has no room on its disk
  LagClass lag = LagClass::kClose;  // the leader's measure
  DiskClass disk = DiskClass::kNormal;
  uint8_t region = 0;    // how far from where leaders are wanted
  uint8_t priority = 0;  // given by the operator
  friend bool operator==(const NodeHealth&, const NodeHealth&) = default;
};

// The fields of a NodeHealth, and which comes first: each once.
enum class Criterion : uint8_t {
  kBarred = 0,
  kRecovering = 1,
  kLag = 2,
  kDisk = 3,
  kRegion = 4,
  kPriority = 5,
};
using RankOrder = std::array<Criterion, 6>;
inline constexpr RankOrder kRankOrder = {Criterion::kBarred, Criterion::kRecovering,
                                         Criterion::kLag,    Criterion::kDisk,
                                         Criterion::kRegion, Criterion::kPriority};
inline bool IsRankOrder(const RankOrder& order) {
  unsigned seen = 0;
  for (const Criterion criterion : order) {
    if (criterion > Criterion::kPriority) return false;
    seen |= 1u << static_cast<unsigned>(criterion);
  }
  return seen == (1u << order.size()) - 1;
}

// As the leader of `ballot` knew it. number 0: none yet.
struct HealthTable {
  uint64_t number = 0;  // ascending within a ballot
  std::map<NodeId, NodeHealth> nodes;
  RankOrder order = kRankOrder;
  friend bool operator==(const HealthTable&, const HealthTable&) = default;

  void Feed(Hasher* hasher) const {
    hasher->Add(number);
    for (const Criterion criterion : order) hasher->Add(static_cast<uint64_t>(criterion));
    hasher->Add(uint64_t{nodes.size()});
    for (const auto& [node, health] : nodes) {
      hasher->Add(node);
      hasher->Add(uint64_t{health.barred} << 40 | uint64_t{health.recovering} << 32 |
                  static_cast<uint64_t>(health.lag) << 24 |
                  static_cast<uint64_t>(health.disk) << 16 | uint64_t{health.region} << 8 |
                  uint64_t{health.priority});
    }
  }
};

}  // namespace baton::consensus
