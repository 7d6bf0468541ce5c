// Seeded chaos on whole groups: drops, repeats, reorderings, one-way cuts, crashes that lose what
// was not written, pauses, clock drift, slow and stuck disks, changes of members, new and wiped
// nodes, snapshots. Every invariant after every step; then some disks are lost for good, all other
// faults end, and those that are left must make progress.
//
//   BATON_SEED=17 consensus_random_test     one seed; with BATON_TRACE=1 its transcript
//   BATON_SEEDS=1000 BATON_STEPS=5000 ...   more, or longer
#include <cstdlib>
#include <iostream>

#include "consensus/prng.h"
#include "consensus/quorum.h"
#include "gtest/gtest.h"
#include "tests/consensus/cluster.h"

namespace baton::consensus {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : prng_(seed), cluster_(Members(), MakeConfig(seed), Drift()) {}

  Cluster& cluster() { return cluster_; }

  void Run(uint64_t steps) {
    const uint64_t until = cluster_.steps() + steps;
    while (cluster_.steps() < until && cluster_.broken().empty()) {
      cluster_.Advance(static_cast<int64_t>(prng_.Below(tempo_us_)));
      Act();
    }
  }

  // Up to as many disks as the others can do without, for good.
  void LoseDisks() {
    std::vector<NodeId> nodes = cluster_.Ids();
    for (size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[prng_.Below(i)]);
    for (const NodeId node : nodes) {
      if (prng_.Below(4) != 0 && cluster_.MayLose(node)) {
        cluster_.Wipe(node);
        ++disks_lost_;
      }
    }
  }
  uint64_t disks_lost() const { return disks_lost_; }
  uint64_t snapshots_given_up() const { return snapshots_given_up_; }
  uint64_t snapshots_failed() const { return snapshots_failed_; }

 private:
  // One, three or five voters, sometimes with a learner or a witness.
  std::vector<Member> Members() {
    static constexpr uint32_t kVoters[] = {3, 3, 3, 5, 5, 1};
    std::vector<Member> members;
    const uint32_t voters = kVoters[prng_.Below(6)];
    for (uint32_t node = 1; node <= voters; ++node) {
      members.push_back({NodeId{node}, Role::kVoter, ""});
    }
    if (voters == 3 && prng_.Below(4) == 0) members[2].role = Role::kWitness;
    if (prng_.Below(4) == 0) members.push_back({NodeId{voters + 1}, Role::kLearner, ""});
    newest_node_ = static_cast<uint32_t>(members.size());
    return members;
  }
  // Small limits, so that windows fill, messages split and entries leave memory.
  Config MakeConfig(uint64_t seed) {
    Config config;
    config.seed = seed;
    config.message_bytes_max = 1 + prng_.Below(64);
    config.inflight_bytes_max = 16 + prng_.Below(256);
    config.uncommitted_bytes_max = 64 + prng_.Below(4096);
    config.log_cache_bytes_max = prng_.Below(2) * prng_.Below(512);
    config.learner_lag_max = prng_.Below(20);
    config.snapshot_bytes_min = prng_.Below(2) * 1000;
    config.lease_reads = prng_.Below(8) != 0;
    return config;
  }
  // Any two clocks within clock_drift_ppm.
  std::function<void(SimNode*)> Drift() {
    return [this](SimNode* node) {
      node->clock_offset_us = static_cast<int64_t>(prng_.Below(1'000'000'000));
      node->clock_rate_ppm = static_cast<int64_t>(prng_.Below(49'000)) - 24'500;
    };
  }

  NodeId Any() {
    const std::vector<NodeId> ids = cluster_.Ids();
    return ids[prng_.Below(ids.size())];
  }

  void Act() {
    const uint64_t dice = prng_.Below(1000);
    if (dice < 480) {
      ActOnNetwork();
    } else if (dice < 690) {
      if (const NodeId node = Any(); node != stuck_) cluster_.CompleteWrite(node);
    } else if (dice < 710) {
      if (const NodeId node = Any(); node != stuck_) cluster_.CompleteProbe(node);
    } else if (dice < 750) {
      cluster_.CompleteRead(Any());
    } else if (dice < 880) {
      const NodeId node = Any();
      if (cluster_.DeadlineUs(node) <= cluster_.now_us()) cluster_.Tick(node);
      if (cluster_.network().empty()) cluster_.Advance(static_cast<int64_t>(prng_.Below(30'000)));
    } else if (dice < 955) {
      cluster_.Propose(Any(), std::string(prng_.Below(40), 'x') + std::to_string(++proposals_));
    } else if (dice < 980) {
      if (const NodeId node = Any(); cluster_.Up(node)) cluster_.Read(node, ++reads_);
    } else {
      ActOfGod();
    }
  }

  void ActOnNetwork() {
    const size_t size = cluster_.network().size();
    if (size == 0) return;
    const bool reorder = prng_.Below(10) == 0;
    const size_t index = reorder ? prng_.Below(size) : 0;
    const Message& message = cluster_.network()[index];
    if (slow_ == std::pair(message.from, message.to) && prng_.Below(100) != 0) {
      cluster_.Defer(index);
      return;
    }
    const uint64_t dice = prng_.Below(100);
    if (dice < 3) {
      cluster_.Drop(index);
    } else if (dice < 6 && size < 1000) {
      cluster_.Duplicate(index);
    } else {
      cluster_.Deliver(index);
    }
  }

  void ActOfGod() {
    const NodeId node = Any();
    const uint64_t dice = prng_.Below(100);
    if (prng_.Below(3) == 0) {
      if (cluster_.HasLeft(node)) {
        cluster_.Wipe(node);  // its operator takes it away
      } else {
        ActOnMembers(node);
      }
    } else if (prng_.Below(6) == 0) {
      ActOnHandover(node);
    } else if (dice < 8) {
      cluster_.Crash(node, prng_.Below(3));
    } else if (dice < 11) {
      for (NodeId each : cluster_.Ids()) cluster_.Crash(each, prng_.Below(3));
    } else if (dice < 45) {
      if (!cluster_.Up(node)) cluster_.Restart(node);
    } else if (dice < 52) {
      const NodeId other = Any();
      cluster_.Cut(node, other);
      if (prng_.Below(2) == 0) cluster_.Cut(other, node);
    } else if (dice < 60) {
      cluster_.Heal();
    } else if (dice < 62) {
      if (cluster_.Up(node)) cluster_.Stop(node);
      cluster_.Crash(node);
    } else if (dice < 63) {
      slow_ = {node, Any()};
    } else if (dice < 65) {
      cluster_.Advance(static_cast<int64_t>(prng_.Below(1'500'000)));  // everyone pauses
    } else if (dice < 67) {
      stuck_ = prng_.Below(2) == 0 ? node : NodeId{};
    } else if (dice < 80) {
      cluster_.Flush(node);
    } else if (dice < 94) {
      if (cluster_.snapshots().empty()) return;
      const size_t index = prng_.Below(cluster_.snapshots().size());
      const uint64_t fate = prng_.Below(8);
      if (fate == 0) {
        cluster_.GiveUpSnapshot(index);
        ++snapshots_given_up_;
      } else if (fate == 1) {
        cluster_.FailSnapshot(index);
        ++snapshots_failed_;
      } else {
        cluster_.DeliverSnapshot(index);
      }
    } else {
      // A node keeps what only it can give to others, except now and then.
      cluster_.Truncate(node, prng_.Below(3) == 0 ? Slot{~uint64_t{0}} : FlushedEverywhere());
    }
  }

  Slot FlushedEverywhere() const {
    Slot everywhere = cluster_.nodes().begin()->second.disk.flushed;
    for (const auto& [id, each] : cluster_.nodes()) {
      everywhere = std::min(everywhere, each.disk.flushed);
    }
    return everywhere;
  }

  // Joins, removals, promotions and demotions, as an operator might ask for in any order.
  void ActOnMembers(NodeId node) {
    const auto leader = cluster_.OpenLeader();
    if (!leader) return;
    std::vector<Member> wanted = cluster_.replica(*leader).membership().members;
    const Membership chosen = cluster_.replica(*leader).configurations().all().front().membership;
    const uint64_t dice = prng_.Below(100);
    if (dice < 25 && wanted.size() < 6) {
      wanted.push_back(
          {NodeId{++newest_node_}, prng_.Below(5) == 0 ? Role::kWitness : Role::kLearner, ""});
    } else if (dice < 45 && wanted.size() > 3) {
      std::erase_if(wanted, [&](const Member& member) { return member.node == node; });
    } else {
      for (Member& member : wanted) {
        if (member.role == Role::kLearner || (member.node == node && prng_.Below(3) == 0)) {
          member.role = member.role == Role::kLearner ? Role::kVoter : Role::kLearner;
        }
      }
    }
    cluster_.ChangeMembers(*leader, wanted);
    for (const Member& member : wanted) {
      if (!cluster_.nodes().contains(member.node)) cluster_.Join(member.node, chosen);
    }
  }

  // The leader seals for any other voter, or gives up what it sealed.
  void ActOnHandover(NodeId to) {
    const auto leader = cluster_.OpenLeader();
    if (!leader) return;
    const Member* member = FindMember(cluster_.replica(*leader).membership(), to);
    const bool voter = member != nullptr && member->role == Role::kVoter && to != *leader;
    if (voter && prng_.Below(3) != 0) {
      cluster_.Propose(*leader, "seal", Seal{++handovers_, to});
    } else {
      cluster_.GiveUpHandover(*leader);
    }
  }

  // Of one action: from disks and links far faster than a lease to ones nearly as slow.
  uint64_t Tempo() {
    static constexpr uint64_t kTempos[] = {200, 600, 600, 3'000, 10'000, 30'000};
    return prng_.Below(2) == 0 ? 600 : kTempos[prng_.Below(6)];
  }

  Prng prng_;
  Cluster cluster_;
  const uint64_t tempo_us_ = Tempo();
  uint32_t newest_node_;
  NodeId stuck_;                    // its disk completes nothing
  std::pair<NodeId, NodeId> slow_;  // a link that delivers late, after much of what was sent later
  uint64_t proposals_ = 0;
  uint64_t reads_ = 0;
  uint64_t handovers_ = 0;
  uint64_t disks_lost_ = 0;
  uint64_t snapshots_given_up_ = 0;
  uint64_t snapshots_failed_ = 0;
};

TEST(RandomTest, InvariantsHoldAndProgressFollowsEveryFault) {
  const uint64_t steps = FromEnvironment("BATON_STEPS", 2500);
  const uint64_t only = FromEnvironment("BATON_SEED", 0);
  const uint64_t seeds = only != 0 ? only : FromEnvironment("BATON_SEEDS", 600);
  uint64_t total = 0, chosen = 0, disks_lost = 0, given_up = 0, failed = 0;
  Coverage coverage;
  for (uint64_t seed = only != 0 ? only : 1; seed <= seeds; ++seed) {
    Chaos chaos(seed);
    if (std::getenv("BATON_TRACE") != nullptr) {
      chaos.cluster().set_trace([](const std::string& line) { std::cout << line << "\n"; });
    }
    chaos.Run(steps);
    chaos.LoseDisks();
    const Slot slot = chaos.cluster().Progress(/*within_us=*/60'000'000);
    ASSERT_EQ(chaos.cluster().broken(), "") << "replay: BATON_SEED=" << seed;
    ASSERT_NE(slot, Slot{}) << "no progress; replay: BATON_SEED=" << seed;
    total += chaos.cluster().steps();
    chosen += slot.value;
    disks_lost += chaos.disks_lost();
    given_up += chaos.snapshots_given_up();
    failed += chaos.snapshots_failed();
    coverage.Add(chaos.cluster().coverage());
  }
  std::cout << total << " steps, " << chosen << " slots chosen, " << coverage.reigns << " reigns, "
            << coverage.suffixes_replaced << " suffixes replaced, " << coverage.fetched_entries
            << " fetches served, " << disks_lost << " disks lost, the rarest path "
            << coverage.Least() << " times\n";
  if (only != 0 || seeds < 100) return;
  EXPECT_GE(total, 200'000u);
  EXPECT_GE(chosen, 20 * seeds) << "the chaos leaves no room for work";
  EXPECT_GE(coverage.Least(), 10u) << "a rare path is hardly walked";
  EXPECT_GE(disks_lost, seeds / 2) << "nobody loses a disk";
  EXPECT_GE(std::min(given_up, failed), 10u) << "snapshots hardly ever fail";
}

TEST(RandomTest, TheSameSeedGivesTheSameTrace) {
  for (const uint64_t seed : {3, 4, 5}) {
    std::vector<uint64_t> hashes[2];
    for (auto& trace : hashes) {
      Chaos chaos(seed);
      for (int i = 0; i < 200; ++i) {
        chaos.Run(5);
        trace.push_back(chaos.cluster().Hash64());
      }
    }
    EXPECT_EQ(hashes[0], hashes[1]);
    EXPECT_NE(hashes[0].front(), hashes[0].back());
  }
}

}  // namespace
}  // namespace baton::consensus
