// MembershipWorkload: operators who change the members while everything is under attack. They add
// spare machines, promote, demote, remove, and put one node in another's place; now and then they
// ask for what must be refused. A machine is started once a settled membership names it; one that
// was removed is stopped some time later, or left running.
//
// It leaves the last word on answers to CheckMembers. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "tests/sim/workload.h"

namespace baton::sim {

class MembershipWorkload : public Workload {
 public:
  static constexpr int64_t kTimeoutUs = 3'000'000;
  static constexpr int64_t kPauseUsMin = 50'000;  // between two looks
  static constexpr int64_t kPauseUsMax = 1'000'000;

  explicit MembershipWorkload(Cluster* cluster) : cluster_(cluster) {}

  void Begin() override { LookLater(); }
  void End() override {}
  bool Idle() const override { return true; }
  void Finish() override {}
  // No change must go on: one may be refused for good reasons.
  int64_t NewestAckedUs() const override { return INT64_MAX; }
  const std::vector<history::Operation>& history() const override { return none_; }

 private:
  void LookLater();
  void StopRemoved();
  void Ask(Machine* machine);
  // Turns `members` into what is wanted; false: there is no such change here. `*legal`: it may be
  // granted.
  bool Draw(uint32_t asked, std::vector<server::MemberInfo>* members, bool* legal);
  bool Add(std::vector<server::MemberInfo>* members, bool as_voter);
  bool Promote(std::vector<server::MemberInfo>* members);
  bool Demote(std::vector<server::MemberInfo>* members);
  bool Remove(uint32_t asked, std::vector<server::MemberInfo>* members);
  bool EnoughLeft(const std::vector<server::MemberInfo>& members);

  Cluster* const cluster_;
  std::set<NodeId> leavers_;  // somebody asked to remove them: their ids are used up
  const std::vector<history::Operation> none_;
};

// Starts the machines that the newest settled membership names for the first time; each with
// chance `p`.
void StartNewMembers(Cluster* cluster, double p);

}  // namespace baton::sim
