// The simulator over many seeds, and tests of the simulator: a run repeats exactly, and each
// checker finds what was planted for it.

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "base/check.h"
#include "server/codec/entry_codec.h"
#include "tests/sim/check_agreement.h"
#include "tests/sim/check_convergence.h"
#include "tests/sim/check_damage.h"
#include "tests/sim/check_given.h"
#include "tests/sim/check_history.h"
#include "tests/sim/check_invariants.h"
#include "tests/sim/check_members.h"
#include "tests/sim/many.h"
#include "tests/sim/memberships.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/register_workload.h"
#include "tests/sim/run.h"

namespace baton::sim {
namespace {

using history::Kind;
using history::Operation;
using history::Outcome;

class Quiet : public ::testing::Environment {
 public:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
};
const auto* const kQuiet = ::testing::AddGlobalTestEnvironment(new Quiet);

TEST(Sim, FiveHundredSeeds) {
  constexpr uint64_t kSeeds = 500;
  constexpr uint64_t kRunsMin = 5;  // of each path, over all seeds
  const Summary summary =
      RunMany(1, kSeeds, std::max(1u, std::thread::hardware_concurrency()), true);
  EXPECT_EQ(summary.seeds, kSeeds);
  for (const Failure& failure : summary.failures) {
    ADD_FAILURE() << ReplayOf(failure.seed) << "    # " << failure.what;
  }
  for (size_t i = 0; i < kPaths; ++i) {
    EXPECT_GE(summary.coverage.Get(static_cast<Path>(i)), kRunsMin)
        << kPathNames[i] << ": too seldom for these seeds to prove anything about it";
  }
}

TEST(Sim, ASeedRepeatsExactly) {
  std::set<uint64_t> traces;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const sim::Outcome first = Simulate(DrawPlan(seed));
    const sim::Outcome second = Simulate(DrawPlan(seed));
    EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
    EXPECT_EQ(first.history, second.history) << "seed " << seed;
    traces.insert(first.trace);
  }
  EXPECT_EQ(traces.size(), 8u);
}

TEST(Sim, EveryNemesisIsDrawnAndMakesADifference) {
  Plan calm = DrawPlan(1);
  calm.nemeses.clear();
  calm.spares.clear();
  calm.workloads = {"register"};
  calm.chaos_us = 8'000'000;
  const uint64_t undisturbed = Simulate(calm).trace;
  std::set<std::string> drawn;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    for (const std::string& name : DrawPlan(seed).nemeses) drawn.insert(name);
  }
  for (const Nemesis& nemesis : AllNemeses()) {
    EXPECT_EQ(drawn.count(std::string(nemesis.name)), 1u) << nemesis.name;
    Plan plan = calm;
    plan.nemeses = {std::string(nemesis.name)};
    const sim::Outcome outcome = Simulate(plan);
    EXPECT_EQ(outcome.violation, "") << nemesis.name;
    EXPECT_NE(outcome.trace, undisturbed) << nemesis.name;
  }
}

sim::Outcome FailSome(uint64_t seed) {
  sim::Outcome outcome;
  BATON_CHECK(seed % 4 != 3) << "planted";
  if (seed % 4 == 1) outcome.violation = "planted " + std::to_string(seed);
  return outcome;
}

TEST(Sim, ASeedThatFailsOrEndsItsProcessFailsAlone) {
  const Summary summary = RunMany(1, 10, 3, false, FailSome);
  EXPECT_EQ(summary.seeds, 10u);
  std::vector<uint64_t> failed;
  for (const Failure& failure : summary.failures) {
    failed.push_back(failure.seed);
    EXPECT_NE(failure.what.find(failure.seed % 4 == 1 ? "planted" : "signal 6"), std::string::npos)
        << failure.what;
  }
  EXPECT_EQ(failed, (std::vector<uint64_t>{1, 3, 5, 7, 9}));
}

// ---- Planted: what clients saw

class PlantedHistory : public ::testing::Test {
 protected:
  void SetUp() override {
    Plan plan = DrawPlan(3);
    plan.keys = 2;
    plan.chaos_us = 4'000'000;
    history_ = Simulate(plan).history;
    ASSERT_EQ(CheckDurability(history_), "");
    ASSERT_EQ(CheckRevisions(history_), "");
    ASSERT_EQ(CheckLinearizability(history_), "");
  }

  // The last successful operation of a kind, other than those that read everything in the end.
  Operation* Last(Kind kind, const std::function<bool(const Operation&)>& fits) {
    for (auto one = history_.rbegin(); one != history_.rend(); ++one) {
      if (one->kind == kind && one->outcome == Outcome::kOk && fits(*one)) return &*one;
    }
    return nullptr;
  }
  static bool Any(const Operation&) { return true; }

  std::vector<Operation> history_;
};

TEST_F(PlantedHistory, ALostWriteIsFound) {
  Operation* last_read =
      Last(Kind::kGet, [](const Operation& one) { return one.value.has_value(); });
  ASSERT_NE(last_read, nullptr);
  // What was found in the end gives way to an acknowledged value from long before.
  const auto old = std::find_if(history_.begin(), history_.end(), [&](const Operation& one) {
    return one.kind == Kind::kPut && one.outcome == Outcome::kOk && one.key == last_read->key;
  });
  ASSERT_NE(old, history_.end());
  ASSERT_NE(old->value, last_read->value);
  last_read->value = old->value;
  EXPECT_NE(CheckDurability(history_), "");
  EXPECT_NE(CheckLinearizability(history_), "");
}

TEST_F(PlantedHistory, AStaleReadIsFound) {
  const Operation* put = Last(Kind::kPut, Any);
  ASSERT_NE(put, nullptr);
  Operation stale = *put;
  stale.kind = Kind::kGet;
  stale.invoked_us = put->returned_us + 1;
  stale.returned_us = stale.invoked_us + 1;
  const auto old = std::find_if(history_.begin(), history_.end(), [&](const Operation& one) {
    return one.kind == Kind::kPut && one.outcome == Outcome::kOk && one.key == put->key;
  });
  stale.value = old->value;
  ASSERT_NE(stale.value, put->value);
  history_.insert(history_.begin(), stale);
  EXPECT_NE(CheckLinearizability(history_), "");
}

TEST_F(PlantedHistory, AFailedWriteThatTookEffectIsFound) {
  const Operation* read =
      Last(Kind::kGet, [](const Operation& one) { return one.value.has_value(); });
  ASSERT_NE(read, nullptr);
  for (Operation& one : history_) {
    if (one.kind == Kind::kPut && one.value == read->value) one.outcome = Outcome::kFailed;
  }
  EXPECT_NE(CheckLinearizability(history_), "");
  EXPECT_NE(CheckDurability(history_), "");
}

TEST_F(PlantedHistory, ARevisionGivenTwiceOrBackwardsIsFound) {
  Operation* last = Last(Kind::kPut, Any);
  const auto first = std::find_if(history_.begin(), history_.end(), [](const Operation& one) {
    return one.kind == Kind::kPut && one.outcome == Outcome::kOk;
  });
  ASSERT_NE(last, &*first);
  last->revision = first->revision;
  EXPECT_NE(CheckRevisions(history_), "");
  last->revision = 1;
  EXPECT_NE(CheckRevisions(history_), "");
}

// ---- Planted: what nodes did

Plan CalmPlan(uint64_t seed) {
  Plan plan = DrawPlan(seed);
  plan.roles = {consensus::Role::kVoter, consensus::Role::kVoter, consensus::Role::kVoter};
  plan.spares = {consensus::Role::kLearner};
  plan.nemeses.clear();
  plan.cut_in_recovery = 0;
  plan.rate_ppm_max = 0;
  return plan;
}

// A cluster that has worked for a while under its checkers.
struct Worked {
  explicit Worked(uint64_t seed)
      : cluster(CalmPlan(seed), nullptr),
        agreement(&cluster),
        invariants(&cluster, &agreement),
        damage(&cluster),
        members(&cluster),
        workload(&cluster) {
    cluster.Watch(&agreement);
    cluster.Watch(&invariants);
    cluster.Watch(&damage);
    cluster.Watch(&members);
    cluster.StartAll();
    workload.Begin();
    cluster.RunFor(2'000'000);
  }
  uint32_t Follower() { return cluster.Leader() % 3 + 1; }
  // The leader adds the spare machine. Returns the number of the change.
  size_t AddSpare() {
    Machine& leader = cluster.machine(cluster.Leader());
    server::MembersCall call;
    call.from = Epoch{1};
    call.members = leader.process()->Status().members;
    call.members.push_back(Cluster::InfoOf(4, consensus::Role::kLearner));
    const size_t number = cluster.asked().Add(&call, true);
    leader.ChangeMembers(call, 1'000'000, [this, number](const server::MembersResult* result) {
      cluster.asked().Told(number, result);
    });
    return number;
  }
  // Takes away what the node has on its disk.
  void Wipe(uint32_t n) {
    Machine& machine = cluster.machine(n);
    const auto names = machine.disk().List(machine.wal_directory());
    ASSERT_TRUE(names.ok());
    for (const std::string& name : *names) {
      ASSERT_TRUE(machine.disk().Remove(machine.wal_directory() + "/" + name).ok());
    }
  }

  Cluster cluster;
  CheckAgreement agreement;
  CheckInvariants invariants;
  CheckDamage damage;
  CheckMembers members;
  RegisterWorkload workload;
};

void ExpectFound(const Cluster& cluster, const std::string& what) {
  EXPECT_NE(cluster.violation().find(what), std::string::npos)
      << "expected: " << what << "; found: " << cluster.violation();
}

TEST(Planted, AnotherClustersEntriesBreakAgreement) {
  Worked one(1);
  Worked other(2);
  ASSERT_EQ(one.cluster.violation(), "");
  one.agreement.Started(other.cluster.machine(1));
  ExpectFound(one.cluster, "agreement");
}

TEST(Planted, TwoLeasesAtOnceAreFound) {
  Worked one(1);
  Worked other(2);
  const uint32_t leader = one.cluster.Leader();
  if (other.cluster.Leader() == leader) {
    other.cluster.Supervise(leader, false);
    other.cluster.machine(leader).Die(Death::kKill);
  }
  ASSERT_TRUE(other.cluster.RunUntil(
      [&] { return other.cluster.Leader() != 0 && other.cluster.Leader() != leader; }, 5'000'000));
  one.cluster.RunFor(10'000'000);  // its log is longer, so that nothing else is found first
  one.invariants.Turned(other.cluster.machine(other.cluster.Leader()), StageOf::kLoop);
  ExpectFound(one.cluster, "both hold a lease");
}

TEST(Planted, ARevisionThatIsGivenTwiceIsFoundThoughNobodyWasAnswered) {
  Worked one(1);
  CheckGiven given(&one.cluster);
  for (const uint64_t round : {90, 91}) {
    consensus::Accept accept;
    accept.ballot = Ballot{round, NodeId{1}};
    server::EntryStamp stamp;
    stamp.base_revision = Revision{100 + 2 * (round - 90)};
    stamp.request_count = 3;
    const EntryId id{accept.ballot, Slot{500}};
    accept.entries.push_back({id, {}, server::EncodeEntry(kFirstGroup, id, {}, stamp, "")});
    given.Sent({NodeId{1}, NodeId{2}, kFirstGroup, std::move(accept)});
  }
  ExpectFound(one.cluster, "given");
}

TEST(Planted, AWipedDiskIsFound) {
  Worked one(1);
  const uint32_t victim = one.Follower();
  one.cluster.Supervise(victim, false);
  one.cluster.machine(victim).Die(Death::kPowerCut);
  one.Wipe(victim);
  one.cluster.Start(one.cluster.machine(victim));
  if (one.cluster.machine(victim).faulty()) {
    ExpectFound(one.cluster, "without damage");  // its engine had more than its log
  } else {
    ExpectFound(one.cluster, "forgot its promise");
  }
}

TEST(Planted, ADamagedNodeThatTakesPartIsFound) {
  Worked one(1);
  const uint32_t victim = one.Follower();
  Machine& machine = one.cluster.machine(victim);
  machine.SetDamaged(machine.core()->log().last().slot);  // so it is said, and it is not so
  machine.Die(Death::kKill);
  one.cluster.HealNode(victim);
  ExpectFound(one.cluster, "takes part with slot");
}

TEST(Planted, ANodeThatIsCutOffDoesNotConverge) {
  Worked one(1);
  const uint32_t victim = one.Follower();
  for (uint32_t n = 1; n <= 3; ++n) {
    if (n == victim) continue;
    one.cluster.network().Cut(n, victim, true);
    one.cluster.network().Cut(victim, n, true);
  }
  CheckConvergence(&one.cluster);
  ExpectFound(one.cluster, "convergence: node " + std::to_string(victim));
}

TEST(Planted, AnEpochWithTwoMembershipsIsFound) {
  Worked one(1);
  Plan plan = CalmPlan(2);
  plan.roles.push_back(consensus::Role::kVoter);
  Cluster other(plan, nullptr);
  other.StartAll();
  one.members.Started(other.machine(4));
  ExpectFound(one.cluster, "epoch 1 is chosen with two memberships");
}

TEST(Planted, ARefusedChangeThatTookEffectIsFound) {
  Worked one(1);
  const size_t number = one.AddSpare();
  one.cluster.RunFor(1'000'000);
  one.members.CheckAnswers();
  ASSERT_EQ(one.cluster.violation(), "");
  ASSERT_EQ(one.cluster.asked().all()[number].told, MembersAsk::Told::kDone);
  server::MembersResult refused;
  refused.failure.code = absl::StatusCode::kAborted;
  refused.failure.reason = server::Reason::kMembersRefused;
  one.cluster.asked().Told(number, &refused);
  one.members.CheckAnswers();
  ExpectFound(one.cluster, "epoch 2 is chosen, and was refused");
}

TEST(Planted, AChangeThatWasAnsweredAndIsNotChosenIsFound) {
  Worked one(1);
  server::MembersCall call;
  call.from = Epoch{1};
  call.members = {Cluster::InfoOf(1, consensus::Role::kVoter)};
  const size_t number = one.cluster.asked().Add(&call, true);
  server::MembersResult done;
  done.epoch = Epoch{2};
  one.cluster.asked().Told(number, &done);
  one.members.CheckAnswers();
  ExpectFound(one.cluster, "no epoch 2 is chosen");
}

TEST(Planted, AMemberThatNeverComesIsFound) {
  Worked one(1);
  one.AddSpare();
  one.cluster.RunFor(1'000'000);
  ASSERT_EQ(NewestChosen(one.cluster).epoch, Epoch{2});
  RequireSettled(&one.cluster, 1'000'000);
  ExpectFound(one.cluster, "node 4 is down");
}

TEST(Planted, AnEndWithoutACauseIsFound) {
  Worked one(1);
  Machine& machine = one.cluster.machine(1);
  machine.disk().FailWrites(1);  // nobody has said that this was to happen
  one.cluster.RunFor(1'000'000);
  ExpectFound(one.cluster, "ended without a cause");
}

}  // namespace
}  // namespace baton::sim
