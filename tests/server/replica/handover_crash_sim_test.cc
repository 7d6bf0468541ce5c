// A handover that is struck at any moment: one story, told once for each event of it (each third on
// networks that make it long) and for each of those who may be struck, killed or cut off. Whatever
// happens, one outcome is recorded, asking again gives it, nothing acknowledged is missing, and
// writes go on.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/server/replica/sim_cluster.h"

namespace baton::server {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int kEventsMax = 400;                  // of one story; a lossy network makes it long
constexpr int64_t kDarkUs = 1 * kSecond;         // how long those struck stay away
constexpr int64_t kFailoverUsMax = 2 * kSecond;  // writes go on within this, once a quorum is there

enum class Blow { kKill, kCutOff };
enum class Struck { kOldLeader, kTarget, kThird, kBoth, kAll };

struct Case {
  SimOptions options;
  Blow blow = Blow::kKill;
  Struck struck = Struck::kOldLeader;
  int at = 0;  // events after the handover was asked for
};

class Story {
 public:
  explicit Story(const Case& what) : what_(what), cluster_(what.options) {
    from_ = cluster_.ElectLeader();
    to_ = from_ == 1 ? 2 : 1;
    third_ = 6 - from_ - to_;
  }

  // False: the handover was over before so many events, so that there is no later moment to strike.
  bool Tell() {
    Write();
    std::optional<HandoverResult> told;
    bool asked = false;
    int events = 0;
    cluster_.RunUntil(
        [&] {
          // The one who was asked may lead no more: then the next leader is.
          if (told && !told->row) asked = false;
          const uint32_t leader = cluster_.Leader();
          if (!asked && leader != 0) {
            told.reset();
            asked = true;
            cluster_.AskForHandover(leader, Order(), 20 * kSecond, &told);
          }
          if (events % kWriteEvery == 0) Write();
          return (told && told->row) || ++events > what_.at;
        },
        10 * kSecond);
    const bool over = told && told->row;
    Strike();
    cluster_.RunFor(kDarkUs);
    Undo();
    ExpectWritesGoOn();
    ExpectOneOutcome(told);
    ExpectEverythingAcknowledged();
    return !over;
  }

 private:
  static constexpr int kWriteEvery = 7;

  HandoverCall Order() const {
    HandoverCall call;
    call.order = {"once", NodeId{to_}, "a story", 5 * kSecond, 1'000};
    call.actor = "operator";
    return call;
  }

  std::vector<uint32_t> Victims() const {
    switch (what_.struck) {
      case Struck::kOldLeader:
        return {from_};
      case Struck::kTarget:
        return {to_};
      case Struck::kThird:
        return {third_};
      case Struck::kBoth:
        return {from_, to_};
      case Struck::kAll:
        return {from_, to_, third_};
    }
    return {};
  }

  void Strike() {
    for (const uint32_t n : Victims()) {
      if (what_.blow == Blow::kKill) {
        cluster_.Crash(n, /*tear=*/true);
      } else {
        cluster_.Isolate(n, true);
      }
    }
  }
  void Undo() {
    for (const uint32_t n : Victims()) {
      if (what_.blow == Blow::kKill) {
        cluster_.Start(n);
      } else {
        cluster_.Isolate(n, false);
      }
    }
  }

  // To whom a client that knows no better sends it; a refusal is as good as an answer here.
  void Write() {
    const uint32_t n = cluster_.Leader();
    if (n == 0 || cluster_.node(n) == nullptr) return;
    engine::WriteRequest write;
    write.ops.push_back(engine::PutOp{"k" + std::to_string(keys_.size()), "v"});
    keys_.push_back(cluster_.Submit(n, {write}, 5 * kSecond));
  }

  void ExpectWritesGoOn() {
    const int64_t since_us = cluster_.now_us();
    Answer put;
    do {
      if (const uint32_t n = cluster_.Leader(); n != 0) put = cluster_.Put(n, "last", "v");
      if (cluster_.Leader() == 0 || !put.failure.ok()) cluster_.RunFor(10'000);
    } while ((!put.failure.ok() || put.position.slot == Slot{}) &&
             cluster_.now_us() < since_us + kFailoverUsMax);
    EXPECT_TRUE(put.failure.ok() && put.position.slot != Slot{}) << put.failure.message;
  }

  HandoverResult AskAgain() {
    for (int i = 0; i < 100; ++i) {
      if (const uint32_t n = cluster_.Leader(); n != 0) {
        HandoverResult result = cluster_.Handover(n, Order());
        const Reason reason = result.failure.reason;
        if (reason != Reason::kNotLeader && reason != Reason::kNoLeader) return result;
      }
      cluster_.RunFor(50'000);
    }
    return {};
  }

  void ExpectOneOutcome(const std::optional<HandoverResult>& told) {
    const HandoverResult first = AskAgain();
    ASSERT_TRUE(first.failure.ok() && first.row) << first.failure.message;
    EXPECT_TRUE(Final(first.row->state()));
    const HandoverResult again = AskAgain();
    ASSERT_TRUE(again.row.has_value());
    EXPECT_EQ(*again.row, *first.row);
    if (told && told->row) {
      EXPECT_EQ(*told->row, *first.row) << "what was told first";
    }
  }

  void ExpectEverythingAcknowledged() {
    const auto& answers = cluster_.sink()->answers;
    for (size_t i = 0; i < keys_.size(); ++i) {
      const auto found = answers.find(keys_[i]);
      if (found == answers.end() || !found->second.failure.ok()) continue;
      const std::string key = "k" + std::to_string(i);
      const Answer got = cluster_.Get(cluster_.Leader(), key);
      ASSERT_TRUE(got.failure.ok()) << got.failure.message;
      EXPECT_TRUE(std::get<GetResult>(got.result).records[0].has_value()) << key << " is lost";
    }
    EXPECT_EQ(cluster_.violation(), "");
  }

  const Case what_;
  SimCluster cluster_;
  uint32_t from_ = 0;
  uint32_t to_ = 0;
  uint32_t third_ = 0;
  std::vector<uint64_t> keys_;  // tags, by key
};

// Messages as they come; or late; or each twice, the TakeOver among them; or some not at all. Every
// `stride`-th event is a moment to strike.
const struct {
  const char* name;
  int stride;
  SimOptions options;
} kNetworks[] = {
    {"quick", 1, {}},
    {"late", 3, {.seed = 2, .delay_us_max = 20'000}},
    {"twice", 3, {.seed = 3, .duplicate = 1, .delay_us_max = 3'000}},
    {"lossy", 3, {.seed = 4, .drop = 0.2}},
};

class HandoverCrash : public ::testing::TestWithParam<std::tuple<Blow, Struck>> {};

TEST_P(HandoverCrash, AtEveryEvent) {
  for (const auto& network : kNetworks) {
    int told = 0;
    for (int at = 0; at < kEventsMax; at += network.stride) {
      SCOPED_TRACE(std::string(network.name) + ", event " + std::to_string(at));
      Case what{network.options, std::get<0>(GetParam()), std::get<1>(GetParam()), at};
      if (!Story(what).Tell() || HasFailure()) break;
      ++told;
    }
    EXPECT_GE(told, 50 / network.stride) << "a handover has more moments than that";
    if (HasFailure()) return;
  }
}

std::string NameOf(const ::testing::TestParamInfo<std::tuple<Blow, Struck>>& info) {
  static constexpr const char* kBlows[] = {"Kill", "CutOff"};
  static constexpr const char* kStruck[] = {"OldLeader", "Target", "Third", "Both", "All"};
  return std::string(kBlows[static_cast<int>(std::get<0>(info.param))]) +
         kStruck[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(Handover, HandoverCrash,
                         ::testing::Combine(::testing::Values(Blow::kKill, Blow::kCutOff),
                                            ::testing::Values(Struck::kOldLeader, Struck::kTarget,
                                                              Struck::kThird, Struck::kBoth,
                                                              Struck::kAll)),
                         NameOf);

}  // namespace
}  // namespace baton::server
