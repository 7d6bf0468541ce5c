#include "tests/explore/worlds.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "base/check.h"

namespace baton::explore {
namespace {

// Heartbeats and probes of the disk fall together, so that no advance is spent on either alone.
constexpr consensus::Timing kTiming{.heartbeat_us = 15'000,
                                    .lease_us = 60'000,
                                    .rank_step_us = 10'000,
                                    .clock_drift_ppm = 50'000,
                                    .stall_us = 70'000};

// Brings a world to where its exploration starts: everything on its way arrives or completes, the
// oldest first, except that nodes cut off hear and are heard by nobody.
class Prelude {
 public:
  explicit Prelude(World* world) : world_(*world) { world_.Allow(Budgets::Ample()); }

  void CutOff(uint32_t id) { cut_off_.insert(id); }
  void Rejoin(uint32_t id) { cut_off_.erase(id); }
  // Of an orderly world: what is sent to the node from now on arrives at any time, or never.
  void Delay(uint32_t id) { delayed_.insert(id); }
  void Do(Act act, uint32_t id) { Take(Choice{act, static_cast<uint8_t>(id)}); }

  void Settle() {
    while (LoseCutOff() || LoosenDelayed() || TakeAny(Act::kHear) || TakeAny(Act::kWrite) ||
           TakeAny(Act::kReadBack) || TakeAny(Act::kNext) || TakeAny(Act::kDeliver)) {
    }
  }

  // The node's turn comes, and a quorum follows it.
  void Elect(uint32_t id) {
    while (world_.node(NodeId{id}).replica->standing() == consensus::Standing::kFollower) {
      if (world_.node(NodeId{id}).replica->NextDeadlineUs() > world_.now_us()) {
        Do(Act::kAdvance, id);
      }
      Do(Act::kTick, id);
    }
    Settle();
    BATON_CHECK(world_.node(NodeId{id}).replica->reign_open()) << id << " was not elected";
  }

 private:
  bool IsCutOff(const Parcel& parcel) const {
    return std::visit(
        [&](const auto& what) {
          return cut_off_.contains(what.from.value) || cut_off_.contains(what.to.value);
        },
        parcel);
  }

  bool LoseCutOff() {
    const auto& line = world_.line();
    if (!line.empty() && IsCutOff(*line.front())) Take(Choice{Act::kLoosen});
    const auto& loose = world_.loose();
    const auto lost = std::find_if(loose.begin(), loose.end(),
                                   [&](const auto& parcel) { return IsCutOff(*parcel); });
    if (lost == loose.end()) return false;
    Take(Choice{Act::kDrop, static_cast<uint8_t>(lost - loose.begin())});
    return true;
  }

  bool LoosenDelayed() {
    const auto& line = world_.line();
    if (line.empty() || !delayed_.contains(To(*line.front()).value)) return false;
    Take(Choice{Act::kLoosen});
    return true;
  }

  bool TakeAny(Act act) {
    for (const Choice& choice : world_.Choices()) {
      if (choice.act != act || (act == Act::kDeliver && IsDelayed(choice))) continue;
      Take(choice);
      return true;
    }
    return false;
  }

  bool IsDelayed(const Choice& choice) const {
    return delayed_.contains(To(*world_.loose()[choice.subject]).value);
  }

  void Take(const Choice& choice) {
    world_.Take(choice, nullptr);
    BATON_CHECK(world_.broken().empty()) << world_.broken();
  }

  World& world_;
  std::set<uint32_t> cut_off_;
  std::set<uint32_t> delayed_;
};

enum class Kind : uint8_t { kFree, kOrderly, kOrderlyWriterApart };

struct Plan {
  const char* name;
  const char* about;
  Kind kind;
  void (*furnish)(Scene*);
  void (*prelude)(Prelude*);
  Extent extents[2];  // by Tier
};

void ThreeVoters(Scene* scene) {
  scene->membership = {Epoch{1}, {{NodeId{1}}, {NodeId{2}}, {NodeId{3}}}, {}};
}

// A learner that may take the place of node 3.
void ThreeVotersAndALearner(Scene* scene) {
  ThreeVoters(scene);
  scene->membership.members.push_back({NodeId{4}, consensus::Role::kLearner});
  scene->wanted = {{{NodeId{1}}, {NodeId{2}}, {NodeId{4}}},
                   {{NodeId{1}}, {NodeId{2}}, {NodeId{3}}, {NodeId{5}}}};  // to be refused
}

// A learner that may take the place of node 2; node 3 is a witness.
void TwoVotersAWitnessAndALearner(Scene* scene) {
  const consensus::Member witness{NodeId{3}, consensus::Role::kWitness};
  scene->membership = {
      Epoch{1}, {{NodeId{1}}, {NodeId{2}}, witness, {NodeId{4}, consensus::Role::kLearner}}, {}};
  scene->wanted = {{{NodeId{1}}, witness, {NodeId{4}}}};
}

void Fresh(Prelude*) {}

void OneReign(Prelude* prelude) { prelude->Elect(1); }

// Node 1 has two entries that nobody else has, and does not know that node 2 leads.
void TwoReigns(Prelude* prelude) {
  prelude->Elect(1);
  prelude->CutOff(1);
  prelude->Do(Act::kPropose, 1);
  prelude->Do(Act::kPropose, 1);
  prelude->Settle();
  prelude->Elect(2);
  prelude->Rejoin(1);
}

// Node 3 has not heard the leader's latest heartbeat.
void HalfHeard(Prelude* prelude) {
  prelude->CutOff(3);
  prelude->Do(Act::kAdvance, 1);
  prelude->Do(Act::kTick, 1);
  prelude->Settle();
  prelude->Rejoin(3);
}

// Node 2 waits for the answer to a read, which it will not get.
void LostQuestion(Prelude* prelude) {
  prelude->Elect(1);
  prelude->CutOff(2);
  prelude->Do(Act::kAsk, 2);
  prelude->Settle();
  prelude->Rejoin(2);
  HalfHeard(prelude);
}

// Node 2 has answered the leader's latest heartbeat, and the answer is on its way for long.
void LateAnswer(Prelude* prelude) {
  prelude->Elect(1);
  prelude->Delay(1);
  HalfHeard(prelude);
  prelude->Do(Act::kAdvance, 1);
}

// Node 2 has answered the leader's latest heartbeat, and has forgotten it.
void Returned(Prelude* prelude) {
  prelude->Elect(1);
  HalfHeard(prelude);
  prelude->Do(Act::kCrash, 2);
  prelude->Do(Act::kRestart, 2);
}

// Node 3 lacks what nobody has in a log any more.
void Truncated(Prelude* prelude) {
  prelude->Elect(1);
  prelude->CutOff(3);
  prelude->Do(Act::kPropose, 1);
  prelude->Do(Act::kPropose, 1);
  prelude->Settle();
  for (uint32_t id : {1, 2}) {
    prelude->Do(Act::kFlush, id);
    prelude->Do(Act::kTruncate, id);
  }
  prelude->Rejoin(3);
}

// States: until nothing is left; or until that many, should the budgets allow more.
constexpr uint64_t kWhole = UINT32_MAX;
constexpr uint64_t kLongStates = 2'000'000;

constexpr Plan kPlans[] = {
    {"elections",
     "free, from empty disks: candidates, crashes at every record written",
     Kind::kFree,
     ThreeVoters,
     Fresh,
     {{40'000, {.advances = 2, .crashes = 1}}, {2 * kLongStates, {.advances = 2, .crashes = 2}}}},
    {"replication",
     "free, node 1 leads an open reign: proposals, reads, copies, a crash",
     Kind::kFree,
     ThreeVoters,
     OneReign,
     {{40'000, {.advances = 1, .crashes = 1, .duplicates = 1, .proposals = 2, .reads = 1}},
      {2 * kLongStates,
       {.advances = 2, .crashes = 1, .duplicates = 1, .proposals = 2, .reads = 1}}}},
    {"rivals",
     "free, node 1 leads on with a longer log of an older reign, node 2 leads anew",
     Kind::kFree,
     ThreeVoters,
     TwoReigns,
     {{40'000, {.advances = 2, .crashes = 1, .proposals = 1}},
      {2 * kLongStates, {.advances = 2, .crashes = 2, .duplicates = 1, .proposals = 1}}}},
    {"histories",
     "orderly, from empty disks; cores hear late of what their writers did",
     Kind::kOrderlyWriterApart,
     ThreeVoters,
     Fresh,
     {{kWhole, {.advances = 1, .crashes = 1}},
      {kLongStates, {.advances = 2, .crashes = 1, .strays = 1}}}},
    {"reign",
     "orderly, node 1 leads an open reign",
     Kind::kOrderly,
     ThreeVoters,
     OneReign,
     {{kWhole, {.advances = 1, .crashes = 1, .proposals = 1}},
      {kLongStates, {.advances = 1, .crashes = 1, .proposals = 1, .reads = 1, .strays = 1}}}},
    {"endings",
     "orderly, node 1 leads an open reign; a node is told to stop, a message comes twice",
     Kind::kOrderly,
     ThreeVoters,
     OneReign,
     {{kWhole, {.advances = 1, .duplicates = 1, .stops = 1}},
      {kLongStates, {.advances = 1, .crashes = 1, .duplicates = 1, .proposals = 1, .stops = 1}}}},
    {"questions",
     "orderly, node 1 leads an open reign; a question of node 2 for a read slot was lost",
     Kind::kOrderly,
     ThreeVoters,
     LostQuestion,
     {{kWhole, {.advances = 1, .strays = 2}},
      {kLongStates, {.advances = 2, .reads = 1, .strays = 1}}}},
    {"answers",
     "orderly, node 1 leads an open reign; node 2's answer to a heartbeat is late",
     Kind::kOrderly,
     ThreeVoters,
     LateAnswer,
     {{kWhole, {.advances = 1, .strays = 1}},
      {kLongStates, {.advances = 1, .crashes = 1, .strays = 1}}}},
    {"returned",
     "orderly, node 1 leads an open reign; node 2 restarted after it answered a heartbeat",
     Kind::kOrderly,
     ThreeVoters,
     Returned,
     {{kWhole, {.advances = 1, .strays = 1}}, {kLongStates, {.advances = 2, .strays = 2}}}},
    {"members",
     "orderly, node 1 leads an open reign and replaces node 3 by node 4, until now a learner",
     Kind::kOrderly,
     ThreeVotersAndALearner,
     OneReign,
     {{kWhole, {.advances = 1, .crashes = 1, .changes = 1}},
      {kLongStates, {.advances = 2, .crashes = 1, .changes = 1, .strays = 1}}}},
    {"witness",
     "orderly, node 1 leads an open reign and replaces node 2 by node 4; node 3 is a witness",
     Kind::kOrderly,
     TwoVotersAWitnessAndALearner,
     OneReign,
     {{kWhole, {.advances = 1, .changes = 1, .strays = 1}},
      {kLongStates, {.advances = 2, .crashes = 1, .truncations = 1, .changes = 1, .strays = 1}}}},
    {"snapshots",
     "orderly, node 1 leads an open reign and has truncated what node 3 lacks",
     Kind::kOrderly,
     ThreeVoters,
     Truncated,
     {{kWhole, {.advances = 1, .crashes = 1, .flushes = 1, .truncations = 1}},
      {kLongStates,
       {.advances = 2,
        .crashes = 1,
        .proposals = 1,
        .flushes = 1,
        .truncations = 1,
        .strays = 1}}}},
    {"handover",
     "orderly, node 1 leads an open reign and hands it over",
     Kind::kOrderly,
     ThreeVoters,
     OneReign,
     {{kWhole, {.advances = 1, .crashes = 1, .handovers = 1}},
      {kLongStates, {.advances = 2, .crashes = 1, .duplicates = 1, .handovers = 2, .strays = 1}}}},
    {"successor",
     "orderly, node 1 leads an open reign and hands it over; a message comes twice",
     Kind::kOrderly,
     ThreeVoters,
     OneReign,
     {{90'000, {.advances = 1, .crashes = 1, .duplicates = 1, .handovers = 1}},
      {kLongStates, {.advances = 1, .crashes = 2, .duplicates = 1, .handovers = 1}}}},
    {"takeover",
     "orderly, node 1 leads an open reign and hands it over; something is proposed meanwhile",
     Kind::kOrderly,
     ThreeVoters,
     OneReign,
     {{kWhole, {.crashes = 1, .proposals = 1, .handovers = 1}},
      {kLongStates, {.advances = 1, .crashes = 1, .proposals = 1, .handovers = 1}}}},
    {"quarrels",
     "orderly, node 1 leads on with a longer log of an older reign, node 2 leads anew",
     Kind::kOrderly,
     ThreeVoters,
     TwoReigns,
     {{kWhole, {.advances = 1, .proposals = 1, .strays = 1}},
      {kLongStates, {.advances = 2, .crashes = 1, .strays = 1}}}},
};

}  // namespace

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  for (const Plan& plan : kPlans) names.push_back(plan.name);
  return names;
}

Profile MakeProfile(const std::string& name, Tier tier) {
  const auto plan = std::find_if(std::begin(kPlans), std::end(kPlans),
                                 [&](const Plan& plan) { return plan.name == name; });
  BATON_CHECK(plan != std::end(kPlans)) << "no world " << name;
  auto scene = std::make_unique<Scene>();
  scene->name = name;
  plan->furnish(scene.get());
  scene->config.timing = kTiming;
  scene->config.message_bytes_max = 1;  // one entry a message
  scene->orderly = plan->kind != Kind::kFree;
  scene->writer_apart = plan->kind == Kind::kOrderlyWriterApart;
  World start(scene.get());
  Prelude prelude(&start);
  plan->prelude(&prelude);
  const Extent& extent = plan->extents[static_cast<size_t>(tier)];
  start.Allow(extent.budgets);
  return Profile{name, plan->about, extent, std::move(scene), std::move(start)};
}

}  // namespace baton::explore
