// What may happen next in a World, and how to say it.
#include <algorithm>
#include <limits>

#include "base/check.h"
#include "tests/consensus/text.h"
#include "tests/explore/world.h"

namespace baton::explore {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

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

size_t Node::RecordsUnderWay() const {
  size_t records = 0;
  for (const auto& write : writing) {
    const auto* persist = std::get_if<consensus::Persist>(&*write);
    if (persist != nullptr) records += persist->entries.size() + (persist->hard_state ? 1 : 0);
  }
  return records;
}

bool Node::IsWitness() const {
  return replica && replica->configurations().IsWitness(replica->self());
}

Slot Node::MayTruncate() const {
  return IsWitness() ? std::min(applied, replica->data_floor()) : disk->flushed;
}

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
  if (left_.flushes > 0 && !node.IsWitness() && node.disk->flushed < node.applied) {
    choices->push_back({Act::kFlush, id});
  }
  if (left_.truncations > 0 && node.disk->base.slot < node.MayTruncate()) {
    choices->push_back({Act::kTruncate, id});
  }
  if (left_.changes > 0 && node.replica->reign_open()) {
    for (size_t i = 0; i < scene_->wanted.size(); ++i) {
      choices->push_back({Act::kMembers, id, static_cast<uint8_t>(i)});
    }
  }
  AddHandoverChoices(id, choices);
  if (left_.stops > 0 && !node.stopped) choices->push_back({Act::kStop, id});
  if (left_.crashes == 0) return;
  const size_t records = node.RecordsUnderWay();
  BATON_CHECK(records <= Choice::kExtraMax) << records << " records on their way to one disk";
  for (size_t landed = 0; landed <= records; ++landed) {
    choices->push_back({Act::kCrash, id, static_cast<uint8_t>(landed)});
  }
}

void World::AddHandoverChoices(uint8_t id, std::vector<Choice>* choices) const {
  const consensus::Replica& replica = *nodes_[id - 1]->replica;
  if (left_.handovers == 0 || !replica.reign_open()) return;
  if (replica.sealed()) choices->push_back({Act::kGiveUp, id});
  if (!replica.MayPropose()) return;
  for (const consensus::Member& member : replica.membership().members) {
    if (member.role != consensus::Role::kVoter || member.node.value == id) continue;
    choices->push_back({Act::kSeal, id, static_cast<uint8_t>(member.node.value)});
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
    case Act::kSeal:
      return node + " hands over to node " + std::to_string(choice.extra);
    case Act::kGiveUp:
      return node + " gives its handover up";
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

}  // namespace baton::explore
