// RunningNode: the stages of one replica, built and wired, and the calls that reach them. It makes
// no decision of its own. See replica_node.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/state/catalog.h"
#include "engine/state/overlay.h"
#include "engine/state/session_rows.h"
#include "server/replica/applied_reads.h"
#include "server/replica/applied_waiters.h"
#include "server/replica/applier.h"
#include "server/replica/board.h"
#include "server/replica/disk_guard.h"
#include "server/replica/disk_meter.h"
#include "server/replica/driver.h"
#include "server/replica/durable_log.h"
#include "server/replica/health_probe.h"
#include "server/replica/leader_watch.h"
#include "server/replica/member_table.h"
#include "server/replica/node_worker.h"
#include "server/replica/read_service.h"
#include "server/replica/readers.h"
#include "server/replica/replica_node.h"

namespace baton::server {

class RunningNode : public ReplicaNode {
 public:
  struct Seams {
    wal::FileSystem* fs;
    engine::Engine* engine;
    Transport* transport;
    Clock* clock;
    Worker* worker;
  };
  // REQUIRES: LoadState succeeds before the threads start.
  RunningNode(const ReplicaOptions& options, const Seams& seams, std::unique_ptr<wal::Wal> wal,
              std::unique_ptr<DroppedEntries> dropped, const consensus::Recovered& recovered);
  ~RunningNode() override;

  // Reads keyspaces, sessions and orders, before the threads start.
  absl::Status LoadState();
  void StartThreads();

  void Submit(std::vector<Call> calls, std::shared_ptr<AnswerSink> sink) override;
  engine::KeyspacePtr FindKeyspace(const std::string& name) const override;
  Failure NoKeyspace(const std::string& name) const override;
  std::vector<KeyspaceStatus> Keyspaces() const override;
  NodeStatus Status() const override;
  void DescribeLog(std::function<void(LogEnd)> done) override;
  void Digest(KeyspaceId keyspace, Slot slot, int64_t deadline_us,
              std::function<void(DigestResult)> done) override;
  void Handover(HandoverCall call, std::function<void(HandoverResult)> done) override;
  void ChangeMembers(MembersCall call, std::function<void(MembersResult)> done) override;
  void Receive(consensus::Message message) override;
  uint64_t WatchLeader(std::function<void(const LeaderHint&)> notify) override;
  void UnwatchLeader(uint64_t id) override;
  void Stop() override;
  const Metrics& metrics() const override { return metrics_; }
  std::vector<std::pair<std::string, uint64_t>> Properties() const override;
  std::vector<Stage*> stages() override;

 private:
  std::string WhyNotHealthy(const Published& now, const Members& members) const;
  void RefuseTheLeaders(std::vector<Call>* calls, const std::shared_ptr<AnswerSink>& sink,
                        const Published& now, AnswerBatch* answers);
  void Admit(std::vector<Call> calls, const std::shared_ptr<AnswerSink>& sink, const Published& now,
             AnswerBatch* answers);
  std::function<absl::Status(Slot)> KeepsDropped();
  bool NoteInstall(SnapshotIntent intent);
  void FreeDropped(const std::vector<KeyspaceId>& keyspaces);
  absl::StatusOr<uint64_t> RoomForImages();
  // Puts what the worker says into the loop's inbox.
  template <class T>
  std::function<void(T)> Inbox() {
    return [this](T said) { driver_->inbox().PushNotice(std::move(said)); };
  }
  Failure RefusedByReaders() const;  // whose queue is full, or closed
  void PostDigest(KeyspaceId keyspace, std::function<void(DigestResult)> done);

  const ReplicaOptions options_;
  const Seams seams_;
  const std::optional<MembersRow> recovered_;
  MemberTable members_;
  Metrics metrics_;
  const std::unique_ptr<wal::Wal> wal_;
  const std::unique_ptr<DroppedEntries> dropped_;  // null at a witness
  engine::Catalog catalog_;
  engine::Sessions sessions_;
  OrderBook orders_;
  engine::KeyspaceSizes sizes_;
  Unreplicated unreplicated_;
  engine::Overlay overlay_;
  Board board_;
  LeaderWatch watch_;
  AppliedWaiters waiters_;
  DiskGuard disk_;
  DiskMeter meter_;
  NodeWorker worker_;
  Readers readers_;
  std::unique_ptr<DurableLog> log_;
  std::unique_ptr<Applier> applier_;
  std::unique_ptr<HealthProbe> health_;
  std::unique_ptr<AppliedReads> applied_reads_;
  std::unique_ptr<ReadService> reads_;
  std::unique_ptr<SnapshotSender> snapshots_out_;
  std::unique_ptr<WitnessOffers> witness_offers_;
  std::unique_ptr<SnapshotReceiver> snapshots_in_;
  std::unique_ptr<LossDesk> losses_;
  std::unique_ptr<Driver> driver_;

  std::vector<std::unique_ptr<StageThread>> loop_threads_, log_threads_, applier_threads_,
      reader_threads_;
  bool stopped_ = false;
};

}  // namespace baton::server
