#include "tests/sim/membership_workload.h"

#include <algorithm>
#include <string>
#include <utility>

#include "consensus/quorum.h"
#include "server/replica/member_table.h"
#include "tests/sim/memberships.h"

namespace baton::sim {
namespace {

using consensus::Membership;
using consensus::Role;
using server::MemberInfo;

constexpr uint32_t kVoter = static_cast<uint32_t>(Role::kVoter);
constexpr uint32_t kWitness = static_cast<uint32_t>(Role::kWitness);
constexpr uint32_t kLearner = static_cast<uint32_t>(Role::kLearner);

std::vector<MemberInfo> InfosOf(const Membership& membership) {
  return server::MembersOf(consensus::Configurations({{EntryId{}, membership}})).all;
}

// Any that has this role; null: none has.
MemberInfo* AnyOf(std::vector<MemberInfo>* members, uint32_t role, Random* random) {
  std::vector<MemberInfo*> fitting;
  for (MemberInfo& member : *members) {
    if (member.role == role) fitting.push_back(&member);
  }
  return fitting.empty() ? nullptr : fitting[random->Below(fitting.size())];
}

}  // namespace

void StartNewMembers(Cluster* cluster, double p) {
  const Membership newest = NewestChosen(*cluster);
  if (newest.joint()) return;
  for (const consensus::Member& member : newest.members) {
    Machine& machine = cluster->machine(member.node.value);
    if (machine.in_use() || !cluster->random().Chance(p)) continue;
    machine.Join(newest.epoch, InfosOf(newest));
    cluster->trace().Say(cluster->now_us(), machine.number(), "joins", newest.epoch.value);
    cluster->Start(machine);
  }
}

void MembershipWorkload::LookLater() {
  const int64_t wait_us = cluster_->random().Between(kPauseUsMin, kPauseUsMax);
  if (cluster_->now_us() + wait_us >= cluster_->plan().chaos_us) return;
  cluster_->schedule().After(wait_us, [this] {
    StartNewMembers(cluster_, 0.7);
    StopRemoved();
    const uint32_t leader = cluster_->Leader();
    Machine& machine = leader == 0 || cluster_->random().OneIn(8) ? cluster_->AnyMachine()
                                                                  : cluster_->machine(leader);
    if (machine.up() && machine.core() != nullptr) Ask(&machine);
    LookLater();
  });
}

void MembershipWorkload::StopRemoved() {
  const Membership newest = NewestChosen(*cluster_);
  if (newest.joint()) return;
  for (uint32_t n = 1; n <= cluster_->size(); ++n) {
    Machine& machine = cluster_->machine(n);
    if (consensus::FindMember(newest, NodeId{n}) != nullptr) continue;
    if (!machine.up() || !cluster_->random().OneIn(8)) continue;
    cluster_->Supervise(n, false);
    machine.Die(cluster_->random().OneIn(2) ? Death::kStop : Death::kTornPowerCut);
  }
}

void MembershipWorkload::Ask(Machine* machine) {
  const Membership& now = machine->core()->membership();
  server::MembersCall call;
  call.from = now.epoch;
  call.members = InfosOf(now);
  call.actor = "operator";
  bool legal = true;
  if (!Draw(machine->number(), &call.members, &legal) || !EnoughLeft(call.members)) return;
  if (call.from.value > 1 && cluster_->random().OneIn(12)) {
    call.from.value -= 1;
    legal = false;
  }
  const size_t number = cluster_->asked().Add(&call, legal);
  cluster_->trace().Say(cluster_->now_us(), machine->number(), "is asked for members", number,
                        call.from.value, legal);
  machine->ChangeMembers(std::move(call), kTimeoutUs,
                         [this, number](const server::MembersResult* result) {
                           cluster_->asked().Told(number, result);
                           cluster_->trace().Say(cluster_->now_us(), 0, "members told", number,
                                                 result != nullptr && result->failure.ok());
                           if (result != nullptr && !result->failure.ok()) {
                             cluster_->trace().Tell(cluster_->now_us(), result->failure.message);
                           }
                         });
}

bool MembershipWorkload::Draw(uint32_t asked, std::vector<MemberInfo>* members, bool* legal) {
  switch (cluster_->random().Below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return Add(members, false);
    case 4:
    case 5:
    case 6:
      return Promote(members);
    case 7:
      return Demote(members);
    case 8:
      return Remove(asked, members);
    case 9:
    case 10:  // a swap, in any order of the nodes
      return Promote(members) &&
             (cluster_->random().OneIn(3) ? Demote(members) : Remove(asked, members));
    default:
      *legal = false;
      return Add(members, true);
  }
}

bool MembershipWorkload::Add(std::vector<MemberInfo>* members, bool as_voter) {
  const auto known = [&](uint32_t n) {
    return cluster_->machine(n).in_use() || leavers_.contains(NodeId{n}) ||
           std::any_of(members->begin(), members->end(),
                       [n](const MemberInfo& member) { return member.node.value == n; });
  };
  for (uint32_t n = 1; n <= cluster_->size(); ++n) {
    if (known(n)) continue;
    MemberInfo member = Cluster::InfoOf(n, cluster_->plan().RoleOf(n));
    if (as_voter) member.role = kVoter;
    members->push_back(member);
    return true;
  }
  return false;
}

bool MembershipWorkload::Promote(std::vector<MemberInfo>* members) {
  MemberInfo* learner = AnyOf(members, kLearner, &cluster_->random());
  if (learner == nullptr) return false;
  learner->role = kVoter;
  return true;
}

bool MembershipWorkload::Demote(std::vector<MemberInfo>* members) {
  MemberInfo* voter = AnyOf(members, kVoter, &cluster_->random());
  if (voter == nullptr) return false;
  voter->role = kLearner;
  return true;
}

bool MembershipWorkload::Remove(uint32_t asked, std::vector<MemberInfo>* members) {
  const bool itself = cluster_->random().OneIn(3);
  const auto leaver =
      itself ? std::find_if(members->begin(), members->end(),
                            [asked](const MemberInfo& one) { return one.node.value == asked; })
             : members->begin() + static_cast<ptrdiff_t>(cluster_->random().Below(members->size()));
  if (leaver == members->end()) return false;
  leavers_.insert(leaver->node);
  members->erase(leaver);
  return true;
}

// In every quorum somebody who holds data; two such voters or more, but for a few; and nodes
// without damage that could go on alone.
bool MembershipWorkload::EnoughLeft(const std::vector<MemberInfo>& members) {
  Membership wanted;
  uint32_t voters = 0;
  uint32_t witnesses = 0;
  for (const MemberInfo& member : members) {
    wanted.members.push_back({member.node, static_cast<Role>(member.role), ""});
    voters += member.role == kVoter;
    witnesses += member.role == kWitness;
  }
  if (witnesses >= consensus::MajorityOf(voters + witnesses)) return false;
  if (voters < 2 && !cluster_->random().OneIn(10)) return false;
  std::vector<Membership> all = AllThatMayCount(*cluster_);
  all.push_back(std::move(wanted));
  return CanServe(all, SoundNodes(*cluster_));
}

}  // namespace baton::sim
