// ReplicaNode: one replica of a formed cluster, as the services see it (node.h). It puts core, log
// and engine together: it builds the stages, runs each on its threads, and hands calls to them.
//
//   auto node = ReplicaNode::Start(options, fs, engine, transport, clock, worker);
//   (*node)->Submit(...);
//   (*node)->Stop();
//
// Owner: the process's main (server/rpc), or a simulator. The five things passed in must outlive
// the node. With `threads` unset no thread is started and whoever owns the node calls RunOnce on
// its stages: the same code in simulated time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "consensus/config.h"
#include "consensus/health.h"
#include "engine/storage/engine.h"
#include "server/replica/clock.h"
#include "server/replica/metrics.h"
#include "server/replica/node.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"
#include "server/replica/worker.h"
#include "wal/file_system.h"
#include "wal/wal.h"

namespace baton::server {

// What is full at each limit is refused with RESOURCE_EXHAUSTED, or waits, as the field says.
struct ReplicaOptions {
  Id128 cluster;
  MemberInfo self;
  Epoch epoch{1};                   // when this node came to be a member
  std::vector<MemberInfo> members;  // of that epoch, self among them; later ones are in the log
  std::optional<UnsafeRecovery> recovery;  // by which that epoch came about
  std::string left_behind;  // by a recovery of another node: why; this one takes part in nothing
  consensus::Timing timing = consensus::kLanTiming;
  int64_t write_objective_us = 500'000;  // a new leader in probation stands still for no longer
  uint64_t seed = 1;                     // of election jitter: give each start of a process another
  consensus::NodeHealth wishes;  // barred, region and priority: the operator's, for elections
  bool lease_reads = true;       // false: every linearizable read takes a quorum round

  std::string wal_directory;
  wal::Options wal;
  uint64_t disk_reserve_bytes = 256 << 20;  // with less free, client writes are refused

  uint64_t queue_calls_max = 16'384;  // calls that wait for the loop; more are refused
  uint64_t queue_bytes_max = 64 << 20;
  uint64_t waiting_reads_max = 16'384;  // that wait for this node's own state; more are refused
  uint64_t waiting_read_bytes_max = 32 << 20;
  uint64_t unanswered_calls_max = 65'536;  // proposed and not answered; sequencing waits above it
  uint64_t reader_jobs_max = 8'192;        // more are refused
  uint32_t reader_threads = 1;
  uint64_t message_queue_max = 8'192;  // from peers; more are dropped, as by a bad network
  uint64_t entry_bytes_target = 256 << 10;
  uint32_t entry_requests_max = 1'024;
  uint64_t overlay_bytes_max = 128 << 20;  // sequencing waits above it
  uint64_t replay_bytes_max = 256 << 20;   // log above the flushed slot; a flush is forced
  uint64_t truncate_bytes_min = 32 << 20;  // the log is truncated in steps of at least this

  uint64_t log_retention_bytes = 1 << 30;  // kept for members that are behind; then a snapshot
  uint64_t snapshot_bytes_per_second = 64 << 20;  // sent by a leader, to all peers together
  std::string snapshot_directory;  // for snapshots that come and go; beside the log and the state

  std::string dropped_directory;  // for what the log had to drop and what became of it is not known

  bool threads = true;
  // Called when the node cannot go on (a failed fsync, an entry from a newer version). The default
  // logs the reason and aborts the process. One that returns leaves a node that does nothing more.
  std::function<void(const std::string& reason)> fatal;
  // Called when a snapshot is to be installed: stop this node and start another, which does it.
  // Any thread.
  std::function<void()> reopen;
};

class ReplicaNode : public Node {
 public:
  // Recovers log and state and joins the group. A log with a fault does not fail the start: the
  // node stands as "faulty", takes part in nothing and says why.
  // `engine` is null for a member that is a witness, and for no other.
  // Errors: those of Wal::Open; FAILED_PRECONDITION when log or state need a newer build;
  // INVALID_ARGUMENT for members that do not name self.
  static absl::StatusOr<std::unique_ptr<ReplicaNode>> Start(const ReplicaOptions& options,
                                                            wal::FileSystem* fs,
                                                            engine::Engine* engine,
                                                            Transport* transport, Clock* clock,
                                                            Worker* worker);
  ~ReplicaNode() override = default;

  // Abdicates if it leads, answers what waits with kShuttingDown or kOutcomeUnknown, finishes what
  // the log writer holds, joins the threads. Calls after it are refused. Idempotent.
  virtual void Stop() = 0;

  virtual const Metrics& metrics() const = 0;

  // The engine's and the log's own numbers, for metrics: name, value.
  virtual std::vector<std::pair<std::string, uint64_t>> Properties() const = 0;

  // The stages, for whoever runs a node without threads: loop, log writer, applier (null at a
  // witness), readers. Empty when the node is faulty.
  virtual std::vector<Stage*> stages() = 0;
};

}  // namespace baton::server
