#include "tests/sim/run.h"

#include <algorithm>
#include <memory>

#include "consensus/quorum.h"
#include "tests/sim/check_agreement.h"
#include "tests/sim/check_convergence.h"
#include "tests/sim/check_damage.h"
#include "tests/sim/check_given.h"
#include "tests/sim/check_history.h"
#include "tests/sim/check_invariants.h"
#include "tests/sim/check_members.h"
#include "tests/sim/check_protocol.h"
#include "tests/sim/cluster.h"
#include "tests/sim/count_paths.h"
#include "tests/sim/membership_workload.h"
#include "tests/sim/memberships.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/workload.h"

namespace baton::sim {
namespace {

constexpr int64_t kSettleUs = 1'000'000;

// Before or after the change, if one is under way.
bool Votes(const consensus::Membership& membership, NodeId node) {
  for (const auto* side : {&membership.members, &membership.outgoing}) {
    for (const consensus::Member& member : *side) {
      if (member.node == node && consensus::Votes(member)) return true;
    }
  }
  return false;
}

class Simulation {
 public:
  Simulation(const Plan& plan, std::FILE* print)
      : cluster_(plan, print),
        agreement_(&cluster_),
        invariants_(&cluster_, &agreement_),
        given_(&cluster_),
        damage_(&cluster_),
        protocol_(&cluster_),
        members_(&cluster_),
        paths_(&cluster_),
        workloads_(MakeWorkloads(&cluster_)) {
    cluster_.Watch(&agreement_);
    cluster_.Watch(&invariants_);
    cluster_.Watch(&given_);
    cluster_.Watch(&damage_);
    cluster_.Watch(&protocol_);
    cluster_.Watch(&members_);
    cluster_.Watch(&paths_);
  }

  Outcome Run() {
    cluster_.StartAll();
    for (auto& workload : workloads_) workload->Begin();
    Unleash(&cluster_, cluster_.plan().chaos_us);
    cluster_.RunFor(cluster_.plan().chaos_us);
    HealQuorum();
    RequireProgress();
    HealAll();
    Settle();
    EndLoad();
    if (cluster_.violation().empty()) CheckConvergence(&cluster_);
    members_.CheckAnswers();
    for (const auto check : {CheckDurability, CheckRevisions, CheckLinearizability}) {
      if (!cluster_.violation().empty()) break;
      const std::string wrong = check(History());
      if (!wrong.empty()) cluster_.Violated(wrong);
    }
    return Conclude();
  }

 private:
  std::vector<history::Operation> History() const {
    std::vector<history::Operation> all;
    for (const auto& workload : workloads_) {
      all.insert(all.end(), workload->history().begin(), workload->history().end());
    }
    return all;
  }

  void EndLoad() {
    for (auto& workload : workloads_) workload->End();
    cluster_.RunUntil(
        [this] {
          return std::all_of(workloads_.begin(), workloads_.end(),
                             [](const auto& workload) { return workload->Idle(); });
        },
        kSettleUs);
    for (auto& workload : workloads_) {
      if (cluster_.violation().empty()) workload->Finish();
    }
  }

  // Random nodes whose disks are sound and that can just serve, whichever membership counts.
  std::vector<uint32_t> DrawQuorum() {
    const std::vector<consensus::Membership> memberships = AllThatMayCount(cluster_);
    std::vector<uint32_t> sound = SoundNodes(cluster_);
    std::erase_if(sound, [&](uint32_t n) {
      return std::none_of(memberships.begin(), memberships.end(),
                          [&](const auto& each) { return Votes(each, NodeId{n}); });
    });
    while (true) {
      std::vector<size_t> spare;
      for (size_t i = 0; i < sound.size(); ++i) {
        std::vector<uint32_t> others = sound;
        others.erase(others.begin() + static_cast<ptrdiff_t>(i));
        if (CanServe(memberships, others)) spare.push_back(i);
      }
      if (spare.empty()) return sound;
      sound.erase(sound.begin() +
                  static_cast<ptrdiff_t>(spare[cluster_.random().Below(spare.size())]));
    }
  }

  // A random quorum of those whose disks are sound. The others stay as they are, or go.
  void HealQuorum() {
    cluster_.EndChaos();
    for (uint32_t n = 1; n <= cluster_.size(); ++n) cluster_.Supervise(n, false);
    const std::vector<uint32_t> sound = DrawQuorum();
    cluster_.trace().Say(cluster_.now_us(), 0, "heals a quorum", sound.front(), sound.back());
    for (uint32_t n = 1; n <= cluster_.size(); ++n) {
      Machine& machine = cluster_.machine(n);
      if (std::find(sound.begin(), sound.end(), n) != sound.end()) {
        cluster_.Supervise(n, true);
      } else if (machine.up() && cluster_.random().OneIn(2)) {
        machine.Die(Death::kTornPowerCut);
      }
    }
    cluster_.HealLinks(sound);
    for (const uint32_t n : sound) cluster_.HealNode(n);
    HealMore(sound);
  }

  // A node that was down may count by an older membership than it did before: its log has lost the
  // newer one.
  void HealMore(std::vector<uint32_t> healed) {
    for (const uint32_t n : SoundNodes(cluster_)) {
      if (CanServe(CountedBy(cluster_, healed), healed)) return;
      if (std::find(healed.begin(), healed.end(), n) != healed.end()) continue;
      cluster_.trace().Say(cluster_.now_us(), n, "is healed too");
      healed.push_back(n);
      cluster_.Supervise(n, true);
      cluster_.HealLinks(healed);
      cluster_.HealNode(n);
    }
  }

  void RequireProgress() {
    const int64_t since_us = cluster_.now_us();
    const bool acked = cluster_.RunUntil(
        [&] {
          return std::all_of(workloads_.begin(), workloads_.end(), [&](const auto& workload) {
            return workload->NewestAckedUs() >= since_us;
          });
        },
        kProgressUsMax);
    if (!acked && cluster_.violation().empty()) {
      cluster_.Violated("progress: no write was acknowledged within " +
                        std::to_string(kProgressUsMax / 1'000'000) + " s of healing a quorum");
    }
    recovery_us_ = cluster_.now_us() - since_us;
    cluster_.RunFor(kSettleUs);
  }

  void HealAll() {
    cluster_.trace().Say(cluster_.now_us(), 0, "heals all");
    std::vector<uint32_t> all;
    for (uint32_t n = 1; n <= cluster_.size(); ++n) all.push_back(n);
    StartNewMembers(&cluster_, 1);
    cluster_.HealLinks(all);
    for (const uint32_t n : all) {
      cluster_.Supervise(n, true);
      // What has not been read since it was damaged is read now.
      Machine& machine = cluster_.machine(n);
      if (machine.damaged() != Slot{} && machine.up() && !machine.faulty()) {
        machine.Die(Death::kKill);
      }
      cluster_.HealNode(n);
    }
    cluster_.RunFor(kSettleUs);
  }

  // Every change ends, every member comes, and those that are none go.
  void Settle() {
    if (!cluster_.violation().empty()) return;
    const auto settled = [this] {
      const uint32_t leader = cluster_.Leader();
      return leader != 0 && cluster_.machine(leader).core()->configurations().Settled();
    };
    if (!cluster_.RunUntil(settled, kProgressUsMax) && cluster_.violation().empty()) {
      cluster_.Violated("members: a change of them is under way for ever, epoch " +
                        std::to_string(NewestChosen(cluster_).epoch.value) + " is chosen");
    }
    StartNewMembers(&cluster_, 1);
    RequireSettled(&cluster_, kProgressUsMax);
    const std::vector<uint32_t> members = CurrentMembers(cluster_);
    for (uint32_t n = 1; n <= cluster_.size(); ++n) {
      if (std::find(members.begin(), members.end(), n) != members.end()) continue;
      cluster_.Supervise(n, false);
      if (cluster_.machine(n).up()) cluster_.machine(n).Die(Death::kKill);
    }
  }

  Outcome Conclude() {
    Outcome outcome;
    for (uint32_t n = 1; n <= cluster_.size(); ++n) {
      if (cluster_.machine(n).up()) paths_.Died(cluster_.machine(n));
    }
    outcome.violation = cluster_.violation();
    outcome.trace = cluster_.trace().hash();
    outcome.simulated_us = cluster_.now_us();
    outcome.history = History();
    outcome.operations = outcome.history.size();
    outcome.recovery_us = recovery_us_;
    outcome.coverage = cluster_.coverage();
    return outcome;
  }

  Cluster cluster_;
  CheckAgreement agreement_;
  CheckInvariants invariants_;
  CheckGiven given_;
  CheckDamage damage_;
  CheckProtocol protocol_;
  CheckMembers members_;
  CountPaths paths_;
  std::vector<std::unique_ptr<Workload>> workloads_;
  int64_t recovery_us_ = 0;
};

}  // namespace

Outcome Simulate(const Plan& plan, std::FILE* print) { return Simulation(plan, print).Run(); }

}  // namespace baton::sim
