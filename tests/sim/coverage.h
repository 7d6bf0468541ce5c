// Coverage: how often the paths that matter and seldom run did run. A simulation that never crashes
// a node in the middle of a write proves nothing about it: sim_test fails when one of these hardly
// ran over its seeds.
//
// A value; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace baton::sim {

enum class Path : uint8_t {
  kReignOpened,
  kSuffixReplaced,  // a node's log lost entries to another leader's
  kLogFetched,      // a candidate adopted entries of another
  kLeaseRanOut,     // at a leader that still led
  kTwoLeaders,      // two nodes believed to lead at once, one in vain
  kPromiseRefused,  // a Nack left
  kAbdicated,
  kKilled,  // the process ended, the machine did not
  kPowerCut,
  kPowerCutEverywhere,
  kBounced,        // followers restarted within the lease of a leader that was cut off
  kCutInMidWrite,  // between two calls to the disk
  kCutInRecovery,
  kTornTail,  // a restart cut one
  kRestarted,
  kSyncFailed,  // an fdatasync failed and ended the node
  kWriteFailed,
  kDamageFoundAtStart,  // the node stood as faulty and named the slot
  kDamageFoundReading,  // a running node read damage back and ended
  kDiskFullRefused,     // a write was refused for a full disk
  kReadWhileFull,       // a read was answered by a node whose disk was full
  kDiskStuck,           // a log stage was withheld
  kStageSlow,
  kPaused,
  kClockChanged,
  kWallJumped,
  kMessageDropped,
  kMessageDuplicated,
  kMessageOvertook,  // came before one sent earlier over the same link
  kOneWayCut,
  kIsolated,
  kClogReleased,
  kSnapshotInstalled,  // a node was away for longer than the log is kept
  kTruncated,          // a log's base rose
  kEngineReplayed,     // a start had entries to apply again
  kReadByLease,
  kReadByRound,      // a quorum was asked
  kReadThroughSlot,  // linearizable, by a node that asked the leader
  kReadBounded,      // of bounded staleness
  kReadAtLeast,      // at least at a position
  kReadTooStale,     // refused: the node could not be brought up to date
  kReadParked,       // a read waited for a reader
  kWriteParked,      // an evaluation did
  kRedirected,
  kOutcomeUnknown,
  kWriteRepeated,  // and told what it was told before
  kWriteFenced,    // asked about before it had an effect
  kAckedLocal,     // in an async keyspace
  kAckedQuorum,    // there too: the budget was used, or the lease had run out
  kLossListed,     // seeds that lost acknowledged writes
  kLossSentAgain,  // seeds in which a client had sent one again
  kDeadlinePassed,
  kConnectionLost,  // a node went with calls unanswered
  kMemberAdded,
  kMemberPromoted,
  kMemberRemoved,
  kMemberSwapped,  // a voter removed and a learner promoted, at once
  kLeaderRemovedItself,
  kChangeOutlivedLeader,  // chosen by another leader than the one that proposed it
  kJointLeftByAnother,    // the last step was another leader's than the first
  kHandoverDone,
  kHandoverAborted,
  kHandoverAbortedSealed,  // after its Seal: the target did not take over
  kHandoverRejected,
  kHandoverHandedBack,
  kCount,
};

inline constexpr size_t kPaths = static_cast<size_t>(Path::kCount);

inline constexpr std::array<std::string_view, kPaths> kPathNames = {
    "reigns opened",
    "suffixes replaced",
    "logs fetched",
    "leases run out",
    "two leaders at once",
    "nacks",
    "abdications",
    "kills",
    "power cuts",
    "power cuts everywhere",
    "followers bounced",
    "cuts in mid write",
    "cuts in recovery",
    "torn tails",
    "restarts",
    "failed syncs",
    "failed writes",
    "damage found at start",
    "damage found reading",
    "disk full refusals",
    "reads while full",
    "disks stuck",
    "stages slowed",
    "pauses",
    "clock rates changed",
    "wall clocks jumped",
    "messages dropped",
    "messages duplicated",
    "messages overtaking",
    "one-way cuts",
    "isolations",
    "clogs released",
    "snapshots installed",
    "truncations",
    "engines replayed",
    "reads by lease",
    "reads by quorum round",
    "reads through a slot",
    "reads of bounded staleness",
    "reads at a position",
    "reads too stale",
    "reads parked",
    "writes parked",
    "redirects",
    "outcomes unknown",
    "writes repeated",
    "writes fenced",
    "acknowledged locally",
    "acknowledged by a quorum instead",
    "seeds with losses",
    "seeds with losses sent again",
    "deadlines passed",
    "connections lost",
    "members added",
    "members promoted",
    "members removed",
    "members swapped",
    "leaders that removed themselves",
    "changes that outlived a leader",
    "joint memberships left by another leader",
    "handovers done",
    "handovers aborted",
    "handovers aborted after the seal",
    "handovers rejected",
    "handovers handed back",
};

class Coverage {
 public:
  void Add(Path path, uint64_t n = 1) { counts_[static_cast<size_t>(path)] += n; }
  uint64_t Get(Path path) const { return counts_[static_cast<size_t>(path)]; }
  void Merge(const Coverage& other) {
    for (size_t i = 0; i < kPaths; ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<uint64_t, kPaths> counts_{};
};

}  // namespace baton::sim
