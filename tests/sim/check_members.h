// Members: what is chosen about them, over all nodes and their lives:
//   - no epoch is chosen with two memberships, and epochs grow with the log;
//   - from one epoch to the next the voters stay the same, or the new membership is joint with the
//     voters of the old; a joint one is followed by its own members alone;
//   - a change that was answered as done is chosen as it was asked, under the epoch that the answer
//     named; one that was refused is nowhere, nor is one that breaks a rule.
//
// A watcher; one thread. It counts on the coverage which changes there were.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/cluster.h"

namespace baton::sim {

class CheckMembers : public Watcher {
 public:
  explicit CheckMembers(Cluster* cluster) : cluster_(cluster), seen_(cluster->size()) {}

  void Started(Machine& machine) override { Look(machine); }
  void Turned(Machine& machine, StageOf stage) override {
    if (stage == StageOf::kLoop) Look(machine);
  }
  void Died(Machine& machine) override { Look(machine); }

  // Compares what was told with what was chosen.
  void CheckAnswers();

 private:
  struct Chosen {
    EntryId at;  // EntryId{}: nobody told
    consensus::Membership membership;
  };
  struct Seen {
    EntryId at;
    Epoch epoch;
  };

  void Look(Machine& machine);
  void Choose(Machine& machine, const consensus::Configuration& configuration);
  void CheckStep(const Chosen& before, const Chosen& after);
  void Count(Machine& machine, const Chosen& chosen);
  void CountChange(const consensus::Membership& before, const Chosen& settled);
  void CheckAnswer(const MembersAsk& ask, size_t number);
  void Violated(const std::string& what) { cluster_->Violated("members: " + what); }

  Cluster* const cluster_;
  std::vector<Seen> seen_;  // of each node: what was chosen last, as it knows
  std::map<Epoch, Chosen> chosen_;
};

}  // namespace baton::sim
