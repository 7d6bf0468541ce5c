#include "tests/explore/turn.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"

namespace baton::explore {

using consensus::Entry;

namespace {

consensus::Recovered Recover(const Disk& disk) {
  consensus::Recovered recovered{.hard_state = disk.hard,
                                 .in_log = {},
                                 .base = disk.base,
                                 .last = disk.last(),
                                 .runs = {},
                                 .applied = disk.flushed};
  recovered.seal = disk.SealAt(disk.last());
  for (const Entry& entry : disk.log) {
    if (recovered.runs.empty() || recovered.runs.back().born != entry.id.born) {
      recovered.runs.push_back(BornRun{entry.id.slot, entry.id.born});
    }
    const auto* membership = std::get_if<consensus::Membership>(&entry.core);
    if (membership != nullptr && entry.id.slot > disk.flushed) {
      recovered.in_log.push_back(consensus::Configuration{entry.id, *membership});
    }
  }
  return recovered;
}

// The first `records` of a Persist reach the disk: its hard state, then its entries in order.
// Returns how many there were.
size_t Land(const consensus::Persist& persist, size_t records, Disk* disk) {
  size_t landed = 0;
  if (persist.hard_state && landed < records) {
    disk->hard = *persist.hard_state;
    ++landed;
  }
  for (const Entry& entry : persist.entries) {
    if (landed == records) break;
    BATON_CHECK(disk->base.slot < entry.id.slot && entry.id.slot <= disk->last().Next())
        << ToString(entry.id) << " written to a log that ends at " << disk->last().value;
    disk->log.resize(entry.id.slot.value - disk->base.slot.value - 1);
    disk->log.push_back(entry);
    ++landed;
  }
  return landed;
}

consensus::Invariants::Disk OnDisk(const Node* node) {
  return [node](const EntryId& id) {
    const Disk& disk = *node->disk;
    if (id.slot <= disk.base.slot) return id.slot < disk.base.slot || id == disk.base;
    return id.slot <= disk.last() && disk.log[id.slot.value - disk.base.slot.value - 1].id == id;
  };
}

Entry MakeEntry(const EntryId& id, const std::string& bytes, consensus::CorePart core) {
  return Entry{id, std::move(core), std::make_shared<const std::string>(bytes)};
}

// The bytes stand for all fields: of its entries a log's canonical form has nothing else.
std::string Encode(const consensus::Reign& reign) {
  return "reign " + ToString(reign.ballot) + " after " + ToString(reign.predecessor) + " durable " +
         ToString(reign.predecessor_durable) + " cause " +
         std::to_string(static_cast<int>(reign.cause)) + " of " + std::to_string(reign.handover) +
         " policy " + std::to_string(reign.policy_version);
}

std::string Encode(const consensus::Membership& membership) {
  std::string text = "members " + std::to_string(membership.epoch.value);
  for (const auto* members : {&membership.members, &membership.outgoing}) {
    text += ":";
    for (const auto& [node, role, card] : *members) {
      text +=
          " " + std::to_string(node.value) + "/" + std::to_string(static_cast<int>(role)) + card;
    }
  }
  return text;
}

}  // namespace

Turn::Turn(World* world, NodeId id, Watcher* watcher)
    : world_(world),
      id_(id),
      watcher_(watcher),
      node_(std::make_shared<Node>(world->node(id))),
      history_(std::make_shared<consensus::Invariants>(*world->history_)) {
  world_->nodes_[id.value - 1].value = node_;
  world_->history_.value = history_;
}

Turn::~Turn() {
  world_->nodes_[id_.value - 1].digest = DigestOfValue(*node_);
  world_->history_.digest = DigestOfValue(*history_);
}

void Turn::Step(consensus::EventBody body) {
  if (!world_->broken_.empty()) return;
  const uint8_t life = node_->lives;
  const bool tick = std::holds_alternative<consensus::Tick>(body);
  consensus::Actions actions =
      node_->replica->Step(consensus::Event{world_->now_us_, std::move(body)});
  Check(history_->AfterStep(*node_->replica, OnDisk(node_.get())));
  if (tick) Check(consensus::Invariants::NothingDue({&*node_->replica, world_->now_us_}));
  world_->committed_ = std::max(world_->committed_, node_->replica->commit());
  Check(world_->CheckLeases());
  for (consensus::Action& action : actions) Do(std::move(action));
  if (node_->lives == life) Apply();
}

void Turn::Check(const std::string& broken) {
  if (world_->broken_.empty()) world_->broken_ = broken;
}

// ---- What the core asks for

struct Turn::Driver {
  Turn* turn;

  Node& node() const { return *turn->node_; }

  void operator()(consensus::Persist&& persist) const {
    node().writing.push_back(MakeHashed(DiskWrite(std::move(persist))));
  }
  void operator()(consensus::ProveWrite&& probe) const {
    node().writing.push_back(MakeHashed(DiskWrite(probe)));
  }
  void operator()(consensus::Send&& send) const { turn->Send(send.message); }
  void operator()(consensus::ReadLog&& read) const { node().reading.push_back(read); }
  void operator()(consensus::OpenReign&& open) const {
    turn->Step(consensus::Proposed{MakeEntry(open.id, Encode(open.reign), open.reign)});
  }
  void operator()(consensus::ReadReady&& ready) const {
    const auto asked = node().asked.find(ready.read_id);
    if (asked == node().asked.end()) return turn->Check("a read was answered twice");
    if (ready.slot < asked->second) turn->Check("a stale read by quorum round");
    node().asked.erase(asked);
  }
  void operator()(consensus::ReadRefused&& refused) const {
    if (node().asked.erase(refused.read_id) == 0) turn->Check("a read was answered twice");
  }
  void operator()(consensus::ProposeMembers&& propose) const {
    turn->Step(
        consensus::Proposed{MakeEntry(propose.id, Encode(propose.membership), propose.membership)});
  }
  void operator()(consensus::SendSnapshot&& send) const {
    const Slot last = send.log_only ? node().replica->log().base().slot : node().applied;
    turn->Put(Snapshot{turn->id_, send.to, send.ballot, node().replica->log().IdAt(last),
                       node().disk->SealAt(last), node().replica->configurations().all().front()});
  }
  void operator()(consensus::InstallSnapshot&& install) const { turn->Install(install); }
  // The world sees these by asking the replica, or nobody waits for them.
  void operator()(consensus::DropSnapshot&&) const {}
  void operator()(consensus::MembersRefused&&) const {}
  void operator()(consensus::MembersSettled&&) const {}
  void operator()(consensus::Commit&&) const {}
  void operator()(consensus::ReignOpened&&) const {}
  void operator()(consensus::StoppedLeading&&) const {}
  void operator()(consensus::SuffixReplaced&&) const {}
};

void Turn::Do(consensus::Action action) {
  if (watcher_ != nullptr) watcher_->Did(id_, action);
  std::visit(Driver{this}, std::move(action));
}

void Turn::Send(const consensus::Message& message) {
  if (watcher_ != nullptr) watcher_->Sent(message);
  Check(history_->Sent(message, OnDisk(node_.get())));
  Put(message);
}

void Turn::Put(Parcel parcel) {
  if (world_->scene_->orderly) {
    world_->line_.push_back(MakeHashed(std::move(parcel)));
  } else {
    world_->AddLoose(MakeHashed(std::move(parcel)));
  }
}

void Turn::Apply() {
  const Slot target = std::min(node_->replica->commit(), node_->replica->durable());
  if (target <= node_->applied || !world_->broken_.empty()) return;
  node_->applied = target;
  Step(consensus::Applied{target});
}

// ---- Disk and life

void Turn::Receive(const Snapshot& snapshot) {
  arriving_seal_ = snapshot.seal;
  Step(consensus::SnapshotReceived{snapshot.ballot, snapshot.last, snapshot.configuration});
}

void Turn::CompleteWrite() {
  const Hashed<DiskWrite> write = node_->writing.front();
  node_->writing.erase(node_->writing.begin());
  if (const auto* persist = std::get_if<consensus::Persist>(&*write)) {
    Disk disk = *node_->disk;
    const size_t records = world_->scene_->disks_lie ? 0 : Choice::kExtraMax;
    if (Land(*persist, records, &disk) > 0) node_->disk = MakeHashed(std::move(disk));
    for (const consensus::Message& message : persist->then_send) Send(message);
    node_->unheard = persist->persist_id;
  } else {
    node_->proof_unheard = true;
  }
  if (!world_->scene_->writer_apart) Hear();
}

void Turn::Hear() {
  if (const uint64_t done = std::exchange(node_->unheard, 0); done != 0) {
    Step(consensus::Persisted{done});
  }
  if (std::exchange(node_->proof_unheard, false)) Step(consensus::WriteProved{});
}

void Turn::CompleteRead() {
  const consensus::ReadLog read = node_->reading.front();
  node_->reading.erase(node_->reading.begin());
  const Disk& disk = *node_->disk;
  consensus::LogRead result{.read_id = read.read_id, .entries = {}};
  uint64_t bytes = 0;
  for (Slot slot = read.first; slot <= std::min(read.last, disk.last()); slot = slot.Next()) {
    if (slot <= disk.base.slot) break;
    const Entry& entry = disk.log[slot.value - disk.base.slot.value - 1];
    bytes += entry.size();
    if (!result.entries.empty() && bytes > read.bytes_max) break;
    result.entries.push_back(entry);
  }
  result.missing = result.entries.empty();
  Step(std::move(result));
}

void Turn::Crash(size_t landed) {
  Disk disk = *node_->disk;
  for (const auto& write : node_->writing) {
    const auto* persist = std::get_if<consensus::Persist>(&*write);
    if (persist != nullptr) landed -= Land(*persist, landed, &disk);
  }
  *node_ = Node{.disk = MakeHashed(std::move(disk)),
                .lives = node_->lives,
                .stalled = !world_->scene_->orderly};
  history_->Stopped(id_);
}

void Turn::Restart() {
  consensus::Config config = world_->scene_->config;
  config.self = id_;
  config.seed += 1'000'003 * node_->lives++;
  node_->applied = node_->disk->flushed;
  node_->replica.emplace(config, Recover(*node_->disk), world_->now_us_);
  Check(history_->Started(*node_->replica));
}

void Turn::Install(const consensus::InstallSnapshot& install) {
  Crash(0);
  Disk disk(install.hard_state);
  disk.base = install.last;
  disk.base_seal = arriving_seal_;
  disk.flushed = install.last.slot;
  node_->disk = MakeHashed(std::move(disk));
  Restart();
}

void Turn::Flush() {
  Disk disk = *node_->disk;
  disk.flushed = node_->applied;
  node_->disk = MakeHashed(std::move(disk));
}

void Turn::Truncate() {
  Disk disk = *node_->disk;
  const Slot upto = node_->MayTruncate();
  if (node_->IsWitness()) disk.flushed = upto;
  const uint64_t count = upto.value - disk.base.slot.value;
  disk.base_seal = disk.SealAt(upto);
  disk.base = disk.log[count - 1].id;
  disk.log.erase(disk.log.begin(), disk.log.begin() + static_cast<std::ptrdiff_t>(count));
  const EntryId base = disk.base;
  node_->disk = MakeHashed(std::move(disk));
  Step(consensus::Truncated{base});
}

// ---- Requests

void Turn::Propose(const std::string& bytes) {
  Step(consensus::Proposed{MakeEntry(node_->replica->NextEntryId(), bytes, {})});
}

void Turn::Ask(uint64_t read_id) {
  node_->asked.emplace(read_id, world_->committed_);
  Step(consensus::ReadRequested{read_id});
}

void Turn::ChangeMembers(const std::vector<consensus::Member>& members) {
  Step(consensus::MembersRequested{1, members});
}

void Turn::Seal(NodeId to) {
  const consensus::Seal seal{++world_->sealed_, to};
  const std::string bytes =
      "seal " + std::to_string(seal.handover) + " to " + std::to_string(to.value);
  Step(consensus::Proposed{MakeEntry(node_->replica->NextEntryId(), bytes, seal)});
}

void Turn::Stop() {
  node_->stopped = true;
  Step(consensus::Stopping{});
}

}  // namespace baton::explore
