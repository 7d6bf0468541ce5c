// Formation: how empty nodes become a cluster, and how a node remembers that it has.
//
// The coordinator (the node that `cluster init` is sent to, one of the members) asks every listed
// member who it is, stores the plan, then gives the members epoch 1 in the plan's order. Repeating
// init resumes the stored plan; another plan is refused. Because the first member joins first, two
// coordinators with plans of the same order cannot both form a part.
//
// A node that is added later joins in the same way, with the epoch that added it: member_change.h.
//
// Identify and Formed: any thread, without waiting for a disk. Join runs on the worker, Init on a
// thread of its own. Owner: the composition root; outlives the servers that refer to it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "server/data_directory.h"
#include "server/replica/clock.h"
#include "server/replica/worker.h"
#include "server/rpc/formation_host.h"
#include "server/rpc/peer_caller.h"

namespace baton::server {

class Formation final : public FormationHost {
 public:
  struct Self {
    std::string name;
    std::string client_address;
    std::string peer_address;
  };
  static constexpr size_t kMembersMax = 15;

  // `coordinator` runs Init, `worker` runs Join; they must be two threads. `formed` is called once,
  // on either, after the record is on disk.
  // `reopen` is called on `worker` when this node is to be started anew by what is on disk now.
  Formation(DataDirectory* directory, Self self, PeerCaller* caller, Clock* clock, Worker* worker,
            Worker* coordinator, std::function<void()> formed, std::function<void()> reopen);

  NodeCard Identify() const override;
  std::optional<FormationRecord> Formed() const override;
  void Join(FormationRecord record, std::function<void(std::string)> done) override;
  void Recover(FormationRecord record, std::function<void(std::string)> done) override;
  // Another node's recovery left this one behind: from the next start on it takes part in nothing.
  void LeftBehind(const std::string& why);
  void Init(InitPlan plan, int64_t deadline_us, std::function<void(InitOutcome)> done) override;

 private:
  std::string JoinNow(const FormationRecord& record);
  InitOutcome InitNow(const InitPlan& plan, int64_t deadline_us);
  // Asks every member and makes epoch 1 of what they say; then it is on disk.
  absl::Status MakePlan(const InitPlan& plan, int64_t deadline_us, FormationRecord* made);
  absl::Status CheckCard(const InitPlan::Planned& planned, const NodeCard& card) const;
  // Gives epoch 1 to all. `*news`: some member had not had it.
  absl::Status CarryOut(const FormationRecord& plan, int64_t deadline_us, bool* news);
  int64_t LeftUs(int64_t deadline_us) const;

  const Self self_;
  PeerCaller* const caller_;
  Clock* const clock_;
  Worker* const worker_;
  Worker* const coordinator_;
  const std::function<void()> formed_;
  const std::function<void()> reopen_;

  // Taken by Join and Init alone: held while the disk is written.
  mutable Mutex disk_mutex_;
  DataDirectory* const directory_ BATON_GUARDED_BY(disk_mutex_);
  const Id128 directory_id_;

  mutable Mutex mutex_;
  std::optional<FormationRecord> formed_record_ BATON_GUARDED_BY(mutex_);  // as on disk; set once
};

// What is wrong with a plan, for people; empty: nothing.
std::string PlanProblem(const InitPlan& plan);

}  // namespace baton::server
