// Driver: the replica loop. It feeds the core with what happens (driver.cc), carries out what the
// core wants, in order (driver_actions.cc), and does what comes with every round of the loop
// (driver_rounds.cc). Each decision of the protocol is the core's; each of serving is the
// LeaderDesk's, each about members the MemberDesk's, about handovers the HandoverDesk's.
//
// One thread runs it and owns all its state. What others see of it is on the board.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "consensus/action.h"
#include "consensus/event.h"
#include "consensus/replica.h"
#include "server/replica/answers.h"
#include "server/replica/applied_waiters.h"
#include "server/replica/applier.h"
#include "server/replica/board.h"
#include "server/replica/clock.h"
#include "server/replica/disk_guard.h"
#include "server/replica/disk_meter.h"
#include "server/replica/durable_log.h"
#include "server/replica/handover_desk.h"
#include "server/replica/handover_target.h"
#include "server/replica/health_probe.h"
#include "server/replica/leader_desk.h"
#include "server/replica/leader_watch.h"
#include "server/replica/leadership_trace.h"
#include "server/replica/local_desk.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/losses.h"
#include "server/replica/member_desk.h"
#include "server/replica/metrics.h"
#include "server/replica/read_service.h"
#include "server/replica/readers.h"
#include "server/replica/snapshot_install.h"
#include "server/replica/snapshot_receiver.h"
#include "server/replica/snapshot_sender.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"
#include "server/replica/witness_offers.h"
#include "wal/wal.h"

namespace baton::server {

class Driver : public Stage {
 public:
  // While more than this waits to be applied, messages that bring entries are dropped. While the
  // disk is full those are that bring data only, or more than the log has room for: the leader
  // sends them again.
  static constexpr uint64_t kApplyBacklogBytesMax = 256 << 20;
  static constexpr int64_t kLogLossesUs = 5'000'000;  // then losses that were told are dropped

  struct Parts {
    engine::Engine* engine;
    engine::Overlay* overlay;
    const engine::Catalog* catalog;
    const engine::Sessions* sessions;
    const OrderBook* orders;
    const MembersRow* recovered;  // null: this node has not been recovered
    const engine::KeyspaceSizes* sizes;
    Unreplicated* unreplicated;
    const wal::Wal* wal;
    Transport* transport;
    const Clock* clock;
    MemberTable* members;
    Board* board;
    LeaderWatch* watch;
    AppliedWaiters* waiters;
    DurableLog* log;
    DiskGuard* disk;
    HealthProbe* health;
    DiskMeter* meter;
    Applier* applier;  // null at a witness: it has no engine
    Readers* readers;
    ReadService* reads;
    AppliedReads* applied_reads;
    Metrics* metrics;
    SnapshotSender* snapshots_out;
    WitnessOffers* witness_offers;
    LossDesk* losses;  // null at a witness
    SnapshotReceiver* snapshots_in;
    // Notes durably what is to be installed, and has the node opened anew; on the worker. False: it
    // takes no more.
    std::function<bool(SnapshotIntent intent)> install;
    std::function<void()> reopen;
    uint64_t truncate_bytes_min;  // a witness truncates in steps of this
    std::function<void(const std::string& reason)> fatal;
  };
  Driver(const Parts& parts, const consensus::Config& config, const consensus::Recovered& recovered,
         const LoopInbox::Limits& inbox_limits, const LeaderDesk::Limits& desk_limits,
         const LocalDesk::Limits& local_limits, const HandoverDesk::Limits& handover_limits);

  LoopInbox& inbox() { return inbox_; }
  uint64_t waiting_reads() const { return local_.held_reads(); }  // any thread

  bool RunOnce() override;
  int64_t NextDeadlineUs() const override;

  // For a simulator's checks; on the loop's thread.
  const consensus::Replica& core() const { return core_; }

 private:
  // Events.
  void Feed(consensus::EventBody body);  // steps the core until it has nothing more to say
  void On(const TurnDone& done);
  void On(LogReadDone& done);
  void On(const StampRead& read);
  void On(const TrimWanted& wanted);
  void On(const ImageMade& made) { parts_.snapshots_out->On(made, core_); }
  void On(const FirstEntryRead& read) { parts_.witness_offers->On(read); }
  void On(const PieceRead& read) { parts_.snapshots_out->On(read); }
  void On(const PieceWritten& written);
  void On(const InstallFailed&);
  void On(LossesFound& found);
  void On(HandoversRead& read) { handovers_.On(read); }
  void Take(const consensus::Message& message);
  void TakeWord(NodeId from, std::string_view bytes);
  void RunSnapshots();
  void RunHandovers(int64_t now_us);
  void Receive(std::vector<consensus::Message> messages);
  bool HasRoomFor(const consensus::Message& message);
  void Stop();

  // Actions.
  void Do(consensus::Persist& persist);
  void Do(consensus::Send& send);
  void Do(consensus::Commit& commit);
  void Do(consensus::ReadLog& read);
  void Do(consensus::ProveWrite&);
  void Do(consensus::OpenReign& open);
  void Do(consensus::ReignOpened& opened);
  void Do(consensus::ProposeMembers& change);
  void Do(consensus::MembersRefused& refused);
  void Do(consensus::MembersSettled& settled);
  void Do(consensus::SendSnapshot& snapshot);
  void Do(consensus::InstallSnapshot& install);
  void Do(consensus::DropSnapshot&);
  void Do(consensus::StoppedLeading& stopped);
  void Do(consensus::SuffixReplaced& replaced);
  void Do(consensus::ReadReady& ready);
  void Do(consensus::ReadRefused& refused);

  void LogLosses(engine::LossRequest told);
  void ProposeReign(const EntryStamp& last);
  void Propose(consensus::Entry entry);
  void AdmitReads(std::vector<QueuedRead> reads, int64_t now_us,
                  std::vector<QueuedRead>* for_leader);
  void CutEntries();
  bool ProposeMembers();
  bool ProposeHandover();
  void Publish();
  void CheckTold(const consensus::Message& message) const;
  void HandToApplier();
  void KeepAsWitness(Slot target);
  void NoticeStanding();
  void NoticeCommit();
  void NoticeHealth(int64_t now_us);
  void NoticeReign(Published* now);
  Slot WaitsForApplied() const;

  const Parts parts_;
  LoopInbox inbox_;
  consensus::Replica core_;
  LeaderDesk desk_;
  LocalDesk local_;
  MemberDesk members_;
  HandoverDesk handovers_;
  HandoverTarget target_;
  AnswerBatch answers_;
  std::deque<consensus::EventBody> events_;  // not yet stepped
  bool stepping_ = false;
  LoopWork work_;  // kept for its memory
  bool stopped_ = false;

  Slot written_;                   // newest slot given to the log writer
  std::deque<uint64_t> unsynced_;  // Persists of own entries with the log writer, ascending
  std::optional<consensus::OpenReign> opening_;  // waits for the stamp of the last entry
  Slot applied_;                                 // newest heard of; <= handed_
  uint64_t log_growth_ = 0;              // bytes given to the log since a witness truncated it last
  Slot trimmed_;                         // newest base given to the log
  Slot handed_;                          // to the applier; <= min(commit, durable)
  std::optional<EntryId> newest_reign_;  // last Reign entry in the log of this process's life
  std::optional<Ballot> told_;           // whose reign the watchers were told of last
  Published published_;                  // what the board shows
  consensus::HealthTable health_told_;   // to the board
  // A leader was known, and would have been for so long had it not been heard again.
  int64_t leader_until_us_ = kNever;
  EntryId reign_begin_;             // the first entry known of the reign at the commit slot
  int64_t candidate_since_us_ = 0;  // 0: no candidate now
  bool leaderless_ = false;         // none was known when it was looked last
  ElectionSeen election_;           // the one under way, or the last that this node won
  LeadershipTrace trace_;
};

}  // namespace baton::server
