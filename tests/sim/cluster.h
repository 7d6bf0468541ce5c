// Cluster: machines, network and time of one simulation, and who watches them.
//
//   Cluster cluster(plan, trace_file);
//   cluster.Watch(&checker);
//   cluster.StartAll();
//   cluster.RunFor(1'000'000);
//
// A node that ends is started again after a while, as long as it is supervised. One thread; what
// happens follows from the plan alone.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/coverage.h"
#include "tests/sim/machine.h"
#include "tests/sim/members_asked.h"
#include "tests/sim/network.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"
#include "tests/sim/schedule.h"
#include "tests/sim/trace.h"

namespace baton::sim {

// Sees what happens as it happens. Checkers are watchers.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void Started(Machine&) {}
  virtual void Turned(Machine&, StageOf) {}        // something was done
  virtual void Died(Machine&) {}                   // about to be gone; core() is still there
  virtual void Sent(const consensus::Message&) {}  // by a node that is heard
};

class Cluster : public server::Transport {
 public:
  // `adjust`: has the last word on the options of each node.
  Cluster(const Plan& plan, std::FILE* print,
          const std::function<void(server::ReplicaOptions*)>& adjust = nullptr);
  ~Cluster() override;

  const Plan& plan() const { return plan_; }
  Schedule& schedule() { return schedule_; }
  Random& random() { return random_; }
  Trace& trace() { return trace_; }
  Coverage& coverage() { return coverage_; }
  Network& network() { return network_; }
  int64_t now_us() const { return schedule_.now_us(); }

  // Nodes count from 1.
  uint32_t size() const { return static_cast<uint32_t>(machines_.size()); }
  Machine& machine(uint32_t n) { return *machines_[n - 1]; }
  const Machine& machine(uint32_t n) const { return *machines_[n - 1]; }
  Machine& AnyMachine();  // in use
  // Who is a member follows from what the nodes say: see memberships.h.
  MembersAsked& asked() { return asked_; }
  const MembersAsked& asked() const { return asked_; }
  // As a member in that role; the card of an address of its own.
  static server::MemberInfo InfoOf(uint32_t n, consensus::Role role);
  // Serves requests; 0: no node does.
  uint32_t Leader();

  void Watch(Watcher* watcher) { watchers_.push_back(watcher); }
  // Something that must not be. The first is kept, and the run ends.
  void Violated(const std::string& what);
  const std::string& violation() const { return violation_; }

  void StartAll();  // those in use
  void Start(Machine& machine);
  // Whether nodes that end are started again.
  void Supervise(uint32_t n, bool supervised) { supervised_[n - 1] = supervised; }
  // No start is cut short any more.
  void EndChaos() { chaos_ = false; }
  // Undoes what faults have done to the node, and starts it if it is down and in use.
  void HealNode(uint32_t n);
  void HealLinks(const std::vector<uint32_t>& among);

  // Until `done`, for at most `us`, or until something is violated. True: done.
  bool RunUntil(const std::function<bool()>& done, int64_t us);
  void RunFor(int64_t us) {
    RunUntil([] { return false; }, us);
  }

  // Transport, of all nodes.
  void Send(consensus::Message message) override;
  void SetMembers(const std::vector<server::MemberInfo>&) override {}  // all machines are wired
  bool Connected(NodeId peer) const override { return machines_[peer.value - 1]->up(); }

 private:
  server::ReplicaOptions OptionsOf(uint32_t n) const;
  void Buried(Machine& machine);

  const Plan plan_;
  Schedule schedule_;
  Random random_;
  Trace trace_;
  Coverage coverage_;
  Network network_;
  std::vector<Watcher*> watchers_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<bool> supervised_;
  MembersAsked asked_;
  bool chaos_ = true;
  std::string violation_;
};

}  // namespace baton::sim
