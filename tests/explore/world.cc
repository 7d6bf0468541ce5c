#include "tests/explore/world.h"

#include <algorithm>

#include "base/check.h"
#include "tests/explore/turn.h"

namespace baton::explore {

using consensus::Hasher;

namespace {

constexpr int64_t kStartUs = 1'000'000;

}  // namespace

void Budgets::Feed(Hasher* hasher) const {
  const auto& [advances, crashes, duplicates, drops, proposals, reads, flushes, truncations, stops,
               changes, handovers, strays, stalls] = *this;
  for (uint8_t left : {advances, crashes, duplicates, drops, proposals, reads, flushes, truncations,
                       stops, changes, handovers, strays, stalls}) {
    hasher->Add(uint64_t{left});
  }
}

void Disk::Feed(Hasher* hasher) const {
  explore::Feed(hard, hasher);
  hasher->Add(base);
  explore::Feed(base_seal, hasher);
  hasher->Add(flushed);
  hasher->Add(uint64_t{log.size()});
  for (const consensus::Entry& entry : log) explore::Feed(entry, hasher);
}

std::optional<consensus::Seal> Disk::SealAt(Slot slot) const {
  if (slot == base.slot) return base_seal;
  return SealIn(log[slot.value - base.slot.value - 1].core);
}

void Node::Feed(Hasher* hasher) const {
  explore::Feed(disk.digest, hasher);
  hasher->Add(uint64_t{lives});
  hasher->Add(uint64_t{replica.has_value()} << 2 | uint64_t{stalled} << 1 | uint64_t{stopped});
  if (replica) replica->Feed(hasher);
  hasher->Add(applied);
  hasher->Add(uint64_t{writing.size()});
  for (const auto& write : writing) explore::Feed(write.digest, hasher);
  hasher->Add(unheard << 1 | uint64_t{proof_unheard});
  hasher->Add(uint64_t{reading.size()});
  for (const consensus::ReadLog& read : reading) explore::Feed(read, hasher);
  hasher->Add(uint64_t{asked.size()});
  for (const auto& [read_id, slot] : asked) {
    hasher->Add(read_id);
    hasher->Add(slot);
  }
}

World::World(const Scene* scene)
    : scene_(scene),
      now_us_(kStartUs),
      history_(MakeHashed(consensus::Invariants(scene->membership))) {
  const consensus::Configuration first{EntryId{}, scene_->membership};
  const Disk disk(consensus::HardState{.configurations = consensus::Configurations({first})});
  for (const consensus::Member& member : scene_->membership.members) {
    BATON_CHECK(member.node.value == nodes_.size() + 1) << "nodes are numbered from 1";
    nodes_.push_back(MakeHashed(Node{.disk = MakeHashed(disk), .stalled = !scene->orderly}));
    Turn(this, member.node, nullptr).Restart();
  }
}

// ---- What happens

bool World::Take(const Choice& choice, Watcher* watcher) {
  switch (choice.act) {
    case Act::kDeliver:
    case Act::kEcho:
      return DeliverLoose(choice, watcher);
    case Act::kDrop:
      Drop(choice, watcher);
      return true;
    case Act::kNext:
    case Act::kLoosen:
    case Act::kCopy:
      TakeFromLine(choice, watcher);
      return true;
    case Act::kAdvance:
      --left_.advances;
      now_us_ = node(NodeId{choice.subject}).replica->NextDeadlineUs();
      return true;
    default:
      TakeOnNode(choice, watcher);
      return true;
  }
}

bool World::DeliverLoose(const Choice& choice, Watcher* watcher) {
  const Hashed<Parcel> parcel = loose_[choice.subject];
  const size_t to = To(*parcel).value - 1;
  if (choice.act == Act::kEcho) {
    --left_.duplicates;
  } else {
    loose_.erase(loose_.begin() + choice.subject);
  }
  const Digest node = nodes_[to].digest;
  const Digest history = history_.digest;
  const size_t others = line_.size() + loose_.size();
  Arrive(*parcel, watcher);
  return !IsMessage(*parcel) || nodes_[to].digest != node || history_.digest != history ||
         line_.size() + loose_.size() != others || !broken_.empty();
}

void World::Drop(const Choice& choice, Watcher* watcher) {
  --left_.drops;
  const Hashed<Parcel> parcel = loose_[choice.subject];
  loose_.erase(loose_.begin() + choice.subject);
  const auto* snapshot = std::get_if<Snapshot>(&*parcel);
  if (snapshot == nullptr || !node(snapshot->from).replica) return;
  Turn(this, snapshot->from, watcher).Step(consensus::SnapshotEnded{snapshot->to, true});
}

void World::TakeFromLine(const Choice& choice, Watcher* watcher) {
  const Hashed<Parcel> parcel = line_.front();
  line_.erase(line_.begin());
  if (choice.act == Act::kLoosen) {
    --left_.strays;
    AddLoose(parcel);
    return;
  }
  if (choice.act == Act::kCopy) {
    --left_.duplicates;
    AddLoose(parcel);
  }
  Arrive(*parcel, watcher);
}

// What arrives where nobody listens is lost, as a connection is.
void World::Arrive(const Parcel& parcel, Watcher* watcher) {
  if (const auto* message = std::get_if<consensus::Message>(&parcel)) {
    if (!node(message->to).replica) return;
    Turn(this, message->to, watcher).Step(consensus::Received{*message});
    return;
  }
  const auto& snapshot = std::get<Snapshot>(parcel);
  const bool arrives = node(snapshot.to).replica.has_value();
  if (arrives) {
    Turn(this, snapshot.to, watcher).Receive(snapshot);
  }
  if (node(snapshot.from).replica) {
    Turn(this, snapshot.from, watcher).Step(consensus::SnapshotEnded{snapshot.to, !arrives});
  }
}

void World::AddLoose(Hashed<Parcel> parcel) {
  const auto place =
      std::upper_bound(loose_.begin(), loose_.end(), parcel,
                       [](const auto& a, const auto& b) { return a.digest < b.digest; });
  loose_.insert(place, std::move(parcel));
}

void World::TakeOnNode(const Choice& choice, Watcher* watcher) {
  const NodeId id{choice.subject};
  Turn turn(this, id, watcher);
  switch (choice.act) {
    case Act::kWrite:
      return turn.CompleteWrite();
    case Act::kHear:
      return turn.Hear();
    case Act::kReadBack:
      return turn.CompleteRead();
    case Act::kTick:
      return turn.Step(consensus::Tick{});
    case Act::kCrash:
      --left_.crashes;
      std::erase_if(line_, [&](const auto& parcel) { return From(*parcel) == id; });
      return turn.Crash(choice.extra);
    case Act::kRestart:
      return turn.Restart();
    case Act::kPropose:
      --left_.proposals;
      return turn.Propose("v" + std::to_string(++proposed_));
    case Act::kAsk:
      --left_.reads;
      return turn.Ask(++reads_asked_);
    case Act::kFlush:
      --left_.flushes;
      return turn.Flush();
    case Act::kTruncate:
      --left_.truncations;
      return turn.Truncate();
    case Act::kStop:
      --left_.stops;
      return turn.Stop();
    case Act::kMembers:
      --left_.changes;
      return turn.ChangeMembers(scene_->wanted[choice.extra]);
    case Act::kSeal:
      --left_.handovers;
      return turn.Seal(NodeId{choice.extra});
    case Act::kGiveUp:
      --left_.handovers;
      return turn.Step(consensus::HandoverGivenUp{});
    case Act::kStall:
      --left_.stalls;
      return turn.Stall();
    default:
      BATON_CHECK(false) << ToText(choice) << " is of no node";
  }
}

std::string World::CheckLeases() const {
  std::vector<consensus::Invariants::Held> held;
  for (const auto& node : nodes_) {
    if (!node->replica) continue;
    held.push_back({&*node->replica, now_us_});
    if (now_us_ < node->replica->LeaseEndUs() && node->replica->commit() < committed_) {
      return "node " + std::to_string(node->replica->self().value) +
             ": would serve a stale read by its lease";
    }
  }
  return consensus::Invariants::OneLease(held);
}

// ---- What it is

Digest World::digest() const {
  thread_local Hasher hasher;
  hasher.Clear();
  hasher.AddTime(now_us_);
  left_.Feed(&hasher);
  hasher.Add(committed_);
  hasher.Add(uint64_t{proposed_} << 16 | uint64_t{reads_asked_} << 8 | sealed_);
  for (const auto& node : nodes_) Feed(node.digest, &hasher);
  Feed(history_.digest, &hasher);
  hasher.Add(uint64_t{line_.size()});
  for (const auto& parcel : line_) Feed(parcel.digest, &hasher);
  for (const auto& parcel : loose_) Feed(parcel.digest, &hasher);
  return DigestOf(hasher.canonical());
}

}  // namespace baton::explore
