#include "tests/consensus/cluster.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "tests/consensus/text.h"

namespace baton::consensus {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

Recovered Recover(const SimDisk& disk) {
  Recovered recovered{.hard_state = disk.hard,
                      .in_log = {},
                      .base = disk.base,
                      .last = disk.base.slot,
                      .runs = {},
                      .applied = disk.flushed};
  for (const auto& [slot, entry] : disk.log) {
    recovered.last = slot;
    if (recovered.runs.empty() || recovered.runs.back().born != entry.id.born) {
      recovered.runs.push_back(BornRun{slot, entry.id.born});
    }
    const auto* membership = std::get_if<Membership>(&entry.core);
    if (membership != nullptr && slot > disk.flushed) {
      recovered.in_log.push_back(Configuration{entry.id, *membership});
    }
  }
  recovered.seal = disk.SealAt(recovered.last);
  return recovered;
}

Invariants::Disk OnDisk(const SimDisk* disk) {
  return [disk](const EntryId& id) { return disk->Holds(id); };
}

void Land(const Persist& persist, SimDisk* disk) {
  if (persist.hard_state) disk->hard = *persist.hard_state;
  for (const Entry& entry : persist.entries) {
    disk->log.erase(disk->log.lower_bound(entry.id.slot), disk->log.end());
    disk->log.emplace(entry.id.slot, entry);
  }
}

}  // namespace

void Coverage::Count(const Action& action) {
  reigns += std::holds_alternative<ReignOpened>(action);
  stopped_leading += std::holds_alternative<StoppedLeading>(action);
  suffixes_replaced += std::holds_alternative<SuffixReplaced>(action);
  disk_reads += std::holds_alternative<ReadLog>(action);
  reads_ready += std::holds_alternative<ReadReady>(action);
  reads_refused += std::holds_alternative<ReadRefused>(action);
  members_settled += std::holds_alternative<MembersSettled>(action);
  members_refused += std::holds_alternative<MembersRefused>(action);
  const auto* send = std::get_if<Send>(&action);
  handed_over += send != nullptr && std::holds_alternative<TakeOver>(send->message.body);
  const auto* open = std::get_if<OpenReign>(&action);
  taken_over += open != nullptr && open->reign.cause == Cause::kHandover;
  reclaimed += open != nullptr && open->reign.cause == Cause::kAborted;
  snapshots_sent += std::holds_alternative<SendSnapshot>(action);
  snapshots_installed += std::holds_alternative<InstallSnapshot>(action);
}

void Coverage::Count(const Message& message) {
  const auto* reply = std::get_if<CanvassReply>(&message.body);
  canvass_refused += reply != nullptr && !reply->granted;
  nacks += std::holds_alternative<Nack>(message.body);
  const auto* fetched = std::get_if<Fetched>(&message.body);
  fetched_entries += fetched != nullptr && !fetched->entries.empty();
  fetch_mismatches += fetched != nullptr && !fetched->matched;
  const auto* accepted = std::get_if<Accepted>(&message.body);
  accept_mismatches += accepted != nullptr && !accepted->matched;
  abdications += std::holds_alternative<Abdicate>(message.body);
  const auto* told = std::get_if<TellSlot>(&message.body);
  slots_told += told != nullptr && told->granted;
}

namespace {

constexpr uint64_t Coverage::*kPaths[] = {&Coverage::reigns,
                                          &Coverage::stopped_leading,
                                          &Coverage::suffixes_replaced,
                                          &Coverage::disk_reads,
                                          &Coverage::reads_ready,
                                          &Coverage::reads_refused,
                                          &Coverage::canvass_refused,
                                          &Coverage::nacks,
                                          &Coverage::fetched_entries,
                                          &Coverage::fetch_mismatches,
                                          &Coverage::accept_mismatches,
                                          &Coverage::abdications,
                                          &Coverage::handed_over,
                                          &Coverage::taken_over,
                                          &Coverage::reclaimed,
                                          &Coverage::members_settled,
                                          &Coverage::members_refused,
                                          &Coverage::snapshots_sent,
                                          &Coverage::snapshots_installed,
                                          &Coverage::slots_told};

}  // namespace

void Coverage::Add(const Coverage& other) {
  for (const auto path : kPaths) this->*path += other.*path;
}

uint64_t Coverage::Least() const {
  uint64_t least = this->*kPaths[0];
  for (const auto path : kPaths) least = std::min(least, this->*path);
  return least;
}

Entry MakeEntry(const EntryId& id, const std::string& bytes, CorePart core) {
  return Entry{id, std::move(core), std::make_shared<const std::string>(bytes)};
}

Cluster::Cluster(std::vector<Member> members, const Config& config,
                 std::function<void(SimNode*)> configure)
    : membership_{Epoch{1}, members, {}}, invariants_(membership_) {
  for (const Member& member : members) {
    SimNode& node = nodes_[member.node];
    node.config = config;
    node.config.self = member.node;
    node.disk.hard.configurations = Configurations({{EntryId{}, membership_}});
    if (configure) configure(&node);
  }
  for (const Member& member : members) Restart(member.node);
}

int64_t Cluster::LocalUs(const SimNode& node) const {
  return node.clock_offset_us + now_us_ + now_us_ * node.clock_rate_ppm / 1'000'000;
}

int64_t Cluster::DeadlineUs(NodeId id) const {
  const SimNode& node = nodes_.at(id);
  if (!node.replica) return kNever;
  const int64_t local_us = node.replica->NextDeadlineUs();
  if (local_us == kNever) return kNever;
  const int64_t left_us = local_us - LocalUs(node);
  return left_us <= 0 ? now_us_ : now_us_ + left_us + left_us * 3 / 100 + 1;  // never too early
}

void Cluster::Step(NodeId id, EventBody body) {
  SimNode& node = nodes_.at(id);
  if (!node.replica || !broken_.empty()) return;
  ++steps_;
  const uint64_t life = node.lives;
  const bool tick = std::holds_alternative<consensus::Tick>(body);
  Actions actions = node.replica->Step(Event{LocalUs(node), std::move(body)});
  CheckAll(id);
  if (tick) Check(Invariants::NothingDue({&*node.replica, LocalUs(node)}));
  for (Action& action : actions) Do(id, std::move(action));
  if (node.lives == life) Apply(id);
}

void Cluster::CheckAll(NodeId id) {
  Check(invariants_.AfterStep(replica(id), OnDisk(&nodes_.at(id).disk)));
  committed_ = std::max(committed_, replica(id).commit());
  if (replica(id).LeftMayGo()) settled_ = std::max(settled_, replica(id).membership().epoch);
  std::vector<Invariants::Held> held;
  for (const auto& [other, node] : nodes_) {
    if (!node.replica) continue;
    held.push_back({&*node.replica, LocalUs(node)});
    if (LeaseRuns(other) && node.replica->commit() < committed_) {
      Check("node " + std::to_string(other.value) + " would serve a stale read by its lease");
    }
  }
  Check(Invariants::OneLease(held));
  for (const auto& [witness, node] : nodes_) {
    if (node.replica && node.disk.base.slot > Slot{} && IsWitness(witness)) CheckBase(witness);
  }
}

// What a witness has truncated is held by a voter with data in every quorum of those that are left,
// by any configuration that may be in force. (What was in force before the newest that is chosen
// gathers no quorum that knows of no later one.)
void Cluster::CheckBase(NodeId witness) {
  const EntryId base = nodes_.at(witness).disk.base;
  const Epoch chosen = invariants_.Possible(settled_).front().epoch;
  for (const auto& [id, node] : nodes_) {
    if (!node.replica) continue;
    for (const Configuration& each : node.replica->configurations().all()) {
      if (each.membership.epoch < chosen) continue;
      std::set<NodeId> without;
      for (const auto& [other, state] : nodes_) {
        if (!MayLead(each.membership, other) || !state.disk.Holds(base)) without.insert(other);
      }
      if (!IsQuorum(each.membership, without)) continue;
      Check("witness " + std::to_string(witness.value) + " truncated " + ToString(base) +
            ", which a quorum of epoch " + std::to_string(each.membership.epoch.value) + " lacks");
    }
  }
}

void Cluster::Check(const std::string& broken) {
  if (broken_.empty() && !broken.empty()) {
    broken_ = broken;
    Note("BROKEN: " + broken);
  }
}

void Cluster::Do(NodeId id, Action action) {
  SimNode& node = nodes_.at(id);
  coverage_.Count(action);
  if (trace_) Note("  " + std::to_string(id.value) + ": " + ToText(action));
  if (auto* persist = std::get_if<Persist>(&action)) {
    ++node.writes_issued;
    node.writing.push_back(std::move(*persist));
  } else if (std::holds_alternative<ProveWrite>(action)) {
    node.probing.push_back(node.writes_issued);
  } else if (auto* send = std::get_if<consensus::Send>(&action)) {
    SendNow(send->message);
  } else if (auto* read = std::get_if<ReadLog>(&action)) {
    node.reading.push_back(*read);
  } else if (auto* open = std::get_if<OpenReign>(&action)) {
    Step(id, Proposed{MakeEntry(open->id, "reign " + ToString(open->id.born), open->reign)});
  } else if (auto* ready = std::get_if<ReadReady>(&action)) {
    if (ready->slot < node.reads.at(ready->read_id)) Check("a stale read by quorum round");
    node.reads.erase(ready->read_id);
  } else if (auto* refused = std::get_if<ReadRefused>(&action)) {
    node.reads.erase(refused->read_id);
  } else if (auto* members = std::get_if<ProposeMembers>(&action)) {
    Step(id, Proposed{MakeEntry(members->id, "members", members->membership)});
  } else if (auto* why = std::get_if<MembersRefused>(&action)) {
    node.refused = why->reason;
  } else if (auto* snapshot = std::get_if<SendSnapshot>(&action)) {
    const Slot last = snapshot->log_only ? node.replica->log().base().slot : node.applied;
    snapshots_.push_back(SimSnapshot{id, snapshot->to, snapshot->ballot,
                                     node.replica->log().IdAt(last), node.disk.SealAt(last),
                                     node.replica->configurations().all().front()});
  } else if (auto* install = std::get_if<InstallSnapshot>(&action)) {
    Install(id, *install);
  }
}

void Cluster::Install(NodeId id, const InstallSnapshot& install) {
  Crash(id);
  SimDisk& disk = nodes_.at(id).disk;
  disk.hard = install.hard_state;
  disk.base = install.last;
  disk.base_seal = arriving_seal_;
  disk.log.clear();
  disk.flushed = install.last.slot;
  Restart(id);
}

void Cluster::SendNow(const Message& message) {
  coverage_.Count(message);
  Check(invariants_.Sent(message, OnDisk(&nodes_.at(message.from).disk)));
  if (cut_.contains({message.from, message.to})) {
    Note("    (cut)");
    return;
  }
  network_.push_back(message);
}

void Cluster::Apply(NodeId id) {
  SimNode& node = nodes_.at(id);
  if (!node.replica) return;
  const Slot target = std::min(node.replica->commit(), node.replica->durable());
  if (target <= node.applied) return;
  node.applied = target;
  Step(id, Applied{target});
}

void Cluster::Deliver(size_t index) {
  const Message message = network_[index];
  network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(index));
  if (trace_) Note(ToText(message) + (Up(message.to) ? "" : " (down)"));
  if (Up(message.to)) Step(message.to, Received{message});
}

void Cluster::Drop(size_t index) {
  if (trace_) Note("dropped " + ToText(network_[index]));
  network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Cluster::Duplicate(size_t index) {
  const Message copy = network_[index];
  network_.push_back(copy);
}

void Cluster::Defer(size_t index) {
  Duplicate(index);
  network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(index));
}

bool Cluster::CompleteWrite(NodeId id) {
  SimNode& node = nodes_.at(id);
  if (node.writing.empty()) return false;
  const Persist persist = std::move(node.writing.front());
  node.writing.pop_front();
  Note(std::to_string(id.value) + " persisted #" + std::to_string(persist.persist_id));
  Land(persist, &node.disk);
  for (const Message& message : persist.then_send) {
    if (trace_) Note("  " + std::to_string(id.value) + ": Send " + ToText(message));
    SendNow(message);
  }
  Step(id, Persisted{persist.persist_id});
  return true;
}

bool Cluster::CompleteRead(NodeId id) {
  SimNode& node = nodes_.at(id);
  if (node.reading.empty()) return false;
  const ReadLog read = node.reading.front();
  node.reading.pop_front();
  LogRead result{.read_id = read.read_id, .entries = {}};
  uint64_t bytes = 0;
  for (Slot slot = read.first; slot <= read.last; slot = slot.Next()) {
    const auto found = node.disk.log.find(slot);
    if (found == node.disk.log.end()) break;
    bytes += found->second.size();
    if (!result.entries.empty() && bytes > read.bytes_max) break;
    result.entries.push_back(found->second);
  }
  result.missing = result.entries.empty();
  Note(std::to_string(id.value) + " read #" + std::to_string(read.read_id) + ": " +
       std::to_string(result.entries.size()) + " entries");
  Step(id, std::move(result));
  return true;
}

bool Cluster::CompleteProbe(NodeId id) {
  SimNode& node = nodes_.at(id);
  if (node.probing.empty()) return false;
  if (node.writes_issued - node.writing.size() < node.probing.front()) return false;
  node.probing.pop_front();
  Note(std::to_string(id.value) + " proved that it writes");
  Step(id, WriteProved{});
  return true;
}

bool Cluster::IsWitness(NodeId id) const {
  const Member* member = FindMember(replica(id).membership(), id);
  return member != nullptr && member->role == Role::kWitness;
}

void Cluster::Flush(NodeId id) {
  SimNode& node = nodes_.at(id);
  if (node.replica && !IsWitness(id)) node.disk.flushed = node.applied;
}

void Cluster::Truncate(NodeId id, Slot slot) {
  SimNode& node = nodes_.at(id);
  if (!node.replica) return;
  const Slot safe =
      IsWitness(id) ? std::min(node.applied, node.replica->data_floor()) : node.disk.flushed;
  slot = std::min(slot, safe);
  if (slot <= node.disk.base.slot) return;
  if (IsWitness(id)) node.disk.flushed = slot;
  node.disk.base_seal = node.disk.SealAt(slot);
  node.disk.base = node.disk.log.at(slot).id;
  node.disk.log.erase(node.disk.log.begin(), node.disk.log.upper_bound(slot));
  Step(id, Truncated{node.disk.base});
}

void Cluster::Crash(NodeId id, size_t writes_that_land) {
  SimNode& node = nodes_.at(id);
  for (size_t i = 0; i < std::min(writes_that_land, node.writing.size()); ++i) {
    Land(node.writing[i], &node.disk);
  }
  node.replica.reset();
  node.writing.clear();
  node.reading.clear();
  node.probing.clear();
  node.writes_issued = 0;
  node.reads.clear();
}

void Cluster::Restart(NodeId id) {
  SimNode& node = nodes_.at(id);
  node.applied = node.disk.flushed;
  Config config = node.config;
  config.seed += 1'000'003 * node.lives++;  // each life another
  node.replica.emplace(config, Recover(node.disk), LocalUs(node));
  Check(invariants_.Started(*node.replica));
}

bool Cluster::Propose(NodeId id, const std::string& bytes, CorePart core) {
  if (!Up(id) || !replica(id).MayPropose()) return false;
  Step(id, Proposed{MakeEntry(replica(id).NextEntryId(), bytes, std::move(core))});
  return true;
}

void Cluster::GiveUpHandover(NodeId id) {
  if (Up(id)) Step(id, HandoverGivenUp{});
}

void Cluster::Read(NodeId id, uint64_t read_id) {
  nodes_.at(id).reads[read_id] = committed_;
  Step(id, ReadRequested{read_id});
}

bool Cluster::ChangeMembers(NodeId id, const std::vector<Member>& members) {
  nodes_.at(id).refused.clear();
  Step(id, MembersRequested{1, members});
  return nodes_.at(id).refused.empty();
}

void Cluster::Measure(NodeId id, const Measured& measured) { Step(id, measured); }

void Cluster::DeliverSnapshot(size_t index) {
  const SimSnapshot snapshot = snapshots_.at(index);
  snapshots_.erase(snapshots_.begin() + static_cast<std::ptrdiff_t>(index));
  Note("snapshot " + ToString(snapshot.last) + " from " + std::to_string(snapshot.from.value) +
       " to " + std::to_string(snapshot.to.value));
  const bool arrives = Up(snapshot.to);
  if (arrives) {
    arriving_seal_ = snapshot.seal;
    Step(snapshot.to, SnapshotReceived{snapshot.ballot, snapshot.last, snapshot.configuration});
  }
  if (Up(snapshot.from)) Step(snapshot.from, SnapshotEnded{snapshot.to, !arrives});
}

void Cluster::FailSnapshot(size_t index) {
  TellFailed(index, "failed");
  snapshots_.erase(snapshots_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Cluster::GiveUpSnapshot(size_t index) { TellFailed(index, "given up"); }

void Cluster::TellFailed(size_t index, const char* how) {
  const SimSnapshot snapshot = snapshots_.at(index);
  Note("snapshot to " + std::to_string(snapshot.to.value) + " " + how);
  if (Up(snapshot.from)) Step(snapshot.from, SnapshotEnded{snapshot.to, /*failed=*/true});
}

void Cluster::Join(NodeId id, const Membership& members) {
  SimNode& node = nodes_[id];
  node.config = nodes_.begin()->second.config;
  node.config.self = id;
  node.disk.hard.configurations = Configurations({{EntryId{}, members}});
  Restart(id);
}

void Cluster::Wipe(NodeId id) {
  Crash(id);
  nodes_.erase(id);
}

bool Cluster::HasLeft(NodeId id) const {
  const std::vector<Membership> possible = invariants_.Possible(settled_);
  return settled_ == possible.front().epoch &&
         std::none_of(possible.begin(), possible.end(), [&](const Membership& membership) {
           return FindMember(membership, id) != nullptr || MayLead(membership, id);
         });
}

bool Cluster::MayLose(NodeId id) const {
  const std::vector<Membership> possible = invariants_.Possible(settled_);
  if (FindMember(possible.front(), id) == nullptr && !HasLeft(id)) return false;
  std::set<NodeId> left;
  for (const auto& [other, node] : nodes_) {
    if (other != id && !MayHaveToWait(other)) left.insert(other);
  }
  return std::all_of(possible.begin(), possible.end(), [&](const Membership& membership) {
    return IsQuorum(membership, left) && std::any_of(left.begin(), left.end(), [&](NodeId other) {
             const Member* member = FindMember(membership, other);
             return member != nullptr && member->role == Role::kVoter;
           });
  });
}

// One of several witnesses, as any node may see it, for whom only a snapshot is left: it gets none
// while voters with data that are away may lack what it would forget.
bool Cluster::MayHaveToWait(NodeId id) const {
  std::vector<Membership> ever = invariants_.Possible(Epoch{});
  ever.push_back(membership_);
  std::set<NodeId> witnesses;
  for (const Membership& membership : ever) {
    for (const Member& member : membership.members) {
      if (member.role == Role::kWitness) witnesses.insert(member.node);
    }
  }
  const SimDisk& disk = nodes_.at(id).disk;
  const Slot last = disk.log.empty() ? disk.base.slot : disk.log.rbegin()->first;
  return witnesses.size() > 1 && witnesses.contains(id) &&
         std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
           return !witnesses.contains(other.first) && last < other.second.disk.base.slot;
         });
}

bool Cluster::LeaseRuns(NodeId id) const {
  const SimNode& node = nodes_.at(id);
  return node.replica && LocalUs(node) < node.replica->LeaseEndUs();
}

void Cluster::Settle() {
  bool busy = true;
  while (busy && broken_.empty()) {
    busy = false;
    for (auto& [id, node] : nodes_) {
      while (CompleteWrite(id)) busy = true;
      while (CompleteRead(id)) busy = true;
      while (CompleteProbe(id)) busy = true;
    }
    while (!snapshots_.empty() && broken_.empty()) {
      DeliverSnapshot(0);
      busy = true;
    }
    while (!network_.empty() && broken_.empty()) {
      Deliver(0);
      busy = true;
    }
  }
}

Slot Cluster::Progress(int64_t within_us) {
  Heal();
  for (NodeId id : Ids()) {
    if (!Up(id)) Restart(id);
  }
  const int64_t until_us = now_us_ + within_us;
  Slot wanted;
  Ballot wanted_in;
  while (now_us_ < until_us && broken_.empty()) {
    Settle();
    // Nothing is on its way any more: the target will not have the Seal, its disk is lost.
    if (const auto leader = OpenLeader(); leader && replica(*leader).sealed()) {
      GiveUpHandover(*leader);
      continue;
    }
    if (const auto leader = OpenLeader(); leader && replica(*leader).promised() != wanted_in) {
      const EntryId next = replica(*leader).NextEntryId();
      if (Propose(*leader, "progress")) {
        wanted = next.slot;
        wanted_in = next.born;
      }
      Settle();
    }
    if (wanted != Slot{} && AppliedByAllMembers(wanted)) return wanted;
    NodeId next;
    int64_t at_us = kNever;
    for (NodeId id : Ids()) {
      if (DeadlineUs(id) < at_us) {
        next = id;
        at_us = DeadlineUs(id);
      }
    }
    if (at_us == kNever) break;
    now_us_ = std::max(now_us_, at_us);
    Tick(next);
  }
  return Slot{};
}

bool Cluster::AppliedByAllMembers(Slot slot) const {
  const auto leader = OpenLeader();
  if (!leader) return false;
  const std::vector<Member>& members = replica(*leader).membership().members;
  const bool lost = std::any_of(members.begin(), members.end(), [&](const Member& member) {
    return !nodes_.contains(member.node);
  });
  return std::all_of(members.begin(), members.end(), [&](const Member& member) {
    // It may have to wait for one that does not come back: see MayHaveToWait.
    if (lost && member.role == Role::kWitness) return true;
    const auto node = nodes_.find(member.node);
    return node == nodes_.end() || node->second.applied >= slot;
  });
}

std::vector<NodeId> Cluster::Ids() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

std::optional<NodeId> Cluster::OpenLeader() const {
  std::optional<NodeId> best;
  for (const auto& [id, node] : nodes_) {
    if (!node.replica || !node.replica->reign_open()) continue;
    if (!best || replica(*best).promised() < node.replica->promised()) best = id;
  }
  return best;
}

uint64_t Cluster::Hash64() const {
  Hasher hasher;
  for (const auto& [id, node] : nodes_) {
    hasher.Add(id);
    hasher.Add(node.replica ? node.replica->Hash64() : 0);
  }
  return hasher.Digest();
}

}  // namespace baton::consensus
