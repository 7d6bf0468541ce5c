#include "tests/explore/world.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "tests/consensus/text.h"
#include "tests/explore/turn.h"

namespace baton::explore {

using consensus::Hasher;

namespace {

constexpr int64_t kStartUs = 1'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

bool IsMessage(const Parcel& parcel) { return std::holds_alternative<consensus::Message>(parcel); }

// Others refuse at once.
bool MayAnswerReads(const consensus::Replica& replica) {
  if (replica.standing() == consensus::Standing::kLeader) return replica.reign_open();
  return replica.leader().has_value();
}

std::string Text(const Parcel& parcel) {
  if (const auto* message = std::get_if<consensus::Message>(&parcel)) return ToText(*message);
  const auto& snapshot = std::get<Snapshot>(parcel);
  return std::to_string(snapshot.from.value) + "->" + std::to_string(snapshot.to.value) +
         " snapshot " + ToString(snapshot.last) + " of " + ToString(snapshot.ballot);
}

}  // namespace

void Budgets::Feed(Hasher* hasher) const {
  const auto& [advances, crashes, duplicates, drops, proposals, reads, flushes, truncations, stops,
               changes, strays, stalls] = *this;
  for (uint8_t left : {advances, crashes, duplicates, drops, proposals, reads, flushes, truncations,
                       stops, changes, strays, stalls}) {
    hasher->Add(uint64_t{left});
  }
}

void Disk::Feed(Hasher* hasher) const {
  explore::Feed(hard, hasher);
  hasher->Add(base);
  hasher->Add(flushed);
  hasher->Add(uint64_t{log.size()});
  for (const consensus::Entry& entry : log) explore::Feed(entry, hasher);
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

size_t Node::RecordsUnderWay() const {
  size_t records = 0;
  for (const auto& write : writing) {
    const auto* persist = std::get_if<consensus::Persist>(&*write);
    if (persist != nullptr) records += persist->entries.size() + (persist->hard_state ? 1 : 0);
  }
  return records;
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

// ---- What may happen

std::vector<Choice> World::Choices() const {
  std::vector<Choice> choices;
  const std::optional<Choice> next = Next();
  if (next) AddNext(*next, &choices);
  AddLooseChoices(&choices);
  for (size_t id = 1; id <= nodes_.size(); ++id) {
    AddNodeChoices(static_cast<uint8_t>(id), &choices);
  }
  if (!next) AddTimeChoices(&choices);
  return choices;
}

// What is due before time moves: disks that keep up, then the line.
std::optional<Choice> World::Next() const {
  for (size_t id = 1; id <= nodes_.size(); ++id) {
    const Node& node = *nodes_[id - 1];
    if (node.stalled || !node.replica) continue;
    std::vector<Choice> choices;
    AddDiskChoices(static_cast<uint8_t>(id), &choices);
    if (!choices.empty()) return choices.front();
  }
  return line_.empty() ? std::nullopt : std::optional(Choice{Act::kNext});
}

void World::AddNext(const Choice& next, std::vector<Choice>* choices) const {
  choices->push_back(next);
  if (next.act != Act::kNext) {
    if (left_.stalls > 0) choices->push_back({Act::kStall, next.subject});
    return;
  }
  if (left_.strays > 0) choices->push_back({Act::kLoosen});
  if (left_.duplicates > 0 && IsMessage(*line_.front())) choices->push_back({Act::kCopy});
}

void World::AddLooseChoices(std::vector<Choice>* choices) const {
  BATON_CHECK(loose_.size() <= 256) << loose_.size() << " messages on their way";
  for (size_t i = 0; i < loose_.size(); ++i) {
    if (i > 0 && loose_[i].digest == loose_[i - 1].digest) continue;
    const auto index = static_cast<uint8_t>(i);
    if (left_.drops > 0) choices->push_back({Act::kDrop, index});
    if (!node(To(*loose_[i])).replica) continue;
    choices->push_back({Act::kDeliver, index});
    if (left_.duplicates > 0 && IsMessage(*loose_[i])) choices->push_back({Act::kEcho, index});
  }
}

void World::AddDiskChoices(uint8_t id, std::vector<Choice>* choices) const {
  const Node& node = *nodes_[id - 1];
  if (node.unheard > 0 || node.proof_unheard) choices->push_back({Act::kHear, id});
  if (!node.writing.empty()) choices->push_back({Act::kWrite, id});
  if (!node.reading.empty()) choices->push_back({Act::kReadBack, id});
}

void World::AddNodeChoices(uint8_t id, std::vector<Choice>* choices) const {
  const Node& node = *nodes_[id - 1];
  if (!node.replica) {
    choices->push_back({Act::kRestart, id});
    return;
  }
  if (node.stalled) AddDiskChoices(id, choices);
  if (left_.proposals > 0 && node.replica->MayPropose()) choices->push_back({Act::kPropose, id});
  if (left_.reads > 0 && MayAnswerReads(*node.replica)) choices->push_back({Act::kAsk, id});
  if (left_.flushes > 0 && node.disk->flushed < node.applied) {
    choices->push_back({Act::kFlush, id});
  }
  if (left_.truncations > 0 && node.disk->base.slot < node.disk->flushed) {
    choices->push_back({Act::kTruncate, id});
  }
  if (left_.changes > 0 && node.replica->reign_open()) {
    for (size_t i = 0; i < scene_->wanted.size(); ++i) {
      choices->push_back({Act::kMembers, id, static_cast<uint8_t>(i)});
    }
  }
  if (left_.stops > 0 && !node.stopped) choices->push_back({Act::kStop, id});
  if (left_.crashes == 0) return;
  const size_t records = node.RecordsUnderWay();
  BATON_CHECK(records <= Choice::kExtraMax) << records << " records on their way to one disk";
  for (size_t landed = 0; landed <= records; ++landed) {
    choices->push_back({Act::kCrash, id, static_cast<uint8_t>(landed)});
  }
}

void World::AddTimeChoices(std::vector<Choice>* choices) const {
  std::vector<int64_t> seen{kNever};
  for (size_t i = 1; i <= nodes_.size(); ++i) {
    const auto id = static_cast<uint8_t>(i);
    const Node& node = *nodes_[i - 1];
    const int64_t deadline_us = node.replica ? node.replica->NextDeadlineUs() : kNever;
    if (deadline_us <= now_us_) {
      choices->push_back({Act::kTick, id});
    } else if (left_.advances > 0 &&
               std::find(seen.begin(), seen.end(), deadline_us) == seen.end()) {
      choices->push_back({Act::kAdvance, id});
      seen.push_back(deadline_us);
    }
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
  Turn(this, snapshot->from, watcher).Step(consensus::SnapshotEnded{snapshot->to});
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
  if (node(snapshot.to).replica) {
    Turn(this, snapshot.to, watcher)
        .Step(consensus::SnapshotReceived{snapshot.ballot, snapshot.last, snapshot.configuration});
  }
  if (node(snapshot.from).replica) {
    Turn(this, snapshot.from, watcher).Step(consensus::SnapshotEnded{snapshot.to});
  }
}

void World::AddLoose(Hashed<Parcel> parcel) {
  const auto place =
      std::upper_bound(loose_.begin(), loose_.end(), parcel,
                       [](const auto& a, const auto& b) { return a.digest < b.digest; });
  loose_.insert(place, std::move(parcel));
}

void World::TakeOnNode(const Choice& choice, Watcher* watcher) {
  Turn turn(this, NodeId{choice.subject}, watcher);
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

std::string World::Describe(const Choice& choice) const {
  const std::string node = "node " + std::to_string(choice.subject);
  switch (choice.act) {
    case Act::kDeliver:
      return Text(*loose_[choice.subject]);
    case Act::kEcho:
      return "a copy of " + Text(*loose_[choice.subject]);
    case Act::kDrop:
      return "lost: " + Text(*loose_[choice.subject]);
    case Act::kWrite:
      return node + " completes a write";
    case Act::kHear:
      return node + " hears that its writes are done";
    case Act::kReadBack:
      return node + " completes a read of its log";
    case Act::kTick:
      return node + " hears of its deadline";
    case Act::kAdvance:
      return "time moves to the deadline of " + node + ", by " +
             std::to_string(nodes_[choice.subject - 1]->replica->NextDeadlineUs() - now_us_) +
             " us";
    case Act::kCrash:
      return node + " crashes, " + std::to_string(choice.extra) + " more records on its disk";
    case Act::kRestart:
      return node + " restarts";
    case Act::kPropose:
      return node + " proposes";
    case Act::kAsk:
      return node + " is asked for a read";
    case Act::kFlush:
      return node + " flushes its engine";
    case Act::kTruncate:
      return node + " truncates its log";
    case Act::kStop:
      return node + " is told to stop";
    case Act::kMembers:
      return node + " is asked for the members of list " + std::to_string(choice.extra);
    case Act::kStall:
      return "the disk of " + node + " falls behind";
    case Act::kNext:
      return Text(*line_.front());
    case Act::kLoosen:
      return "astray: " + Text(*line_.front());
    case Act::kCopy:
      return "twice: " + Text(*line_.front());
  }
  return "";
}

Digest World::digest() const {
  thread_local Hasher hasher;
  hasher.Clear();
  hasher.AddTime(now_us_);
  left_.Feed(&hasher);
  hasher.Add(committed_);
  hasher.Add(uint64_t{proposed_} << 8 | reads_asked_);
  for (const auto& node : nodes_) Feed(node.digest, &hasher);
  Feed(history_.digest, &hasher);
  hasher.Add(uint64_t{line_.size()});
  for (const auto& parcel : line_) Feed(parcel.digest, &hasher);
  for (const auto& parcel : loose_) Feed(parcel.digest, &hasher);
  return DigestOf(hasher.canonical());
}

}  // namespace baton::explore
