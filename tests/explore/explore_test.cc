// The short tier of the exploration, and tests of the explorer itself.
#include <gtest/gtest.h>

#include <map>

#include "tests/explore/explorer.h"
#include "tests/explore/replay.h"
#include "tests/explore/worlds.h"

namespace baton::explore {
namespace {

TEST(Explore, AllHoldsInEveryWorld) {
  AbortNote::HandleAborts();
  uint64_t states = 0;
  consensus::Coverage coverage;
  for (const std::string& name : ProfileNames()) {
    const Profile profile = MakeProfile(name, Tier::kShort);
    const Report report = Explore(profile.start, Limits{.states_max = profile.extent.states_max});
    EXPECT_EQ(report.broken, "") << "after " << report.states
                                 << " states: " << ReplayCommand(name, report.path);
    RecordProperty(name + "_states", std::to_string(report.states));
    states += report.states;
    coverage.Add(report.coverage);
  }
  EXPECT_GE(states, 200'000u);
  EXPECT_GT(coverage.Least(), 0u) << "a path of the core was never walked";
}

TEST(Explore, ReportsTheSameWithAnyNumberOfThreads) {
  const Profile profile = MakeProfile("elections", Tier::kShort);
  const Report one = Explore(profile.start, Limits{.states_max = 20'000, .threads = 1});
  const Report three = Explore(profile.start, Limits{.states_max = 20'000, .threads = 3});
  EXPECT_EQ(one.at_depth, three.at_depth);
  EXPECT_EQ(one.transitions, three.transitions);
}

// A digest that left something out would hide what differs in it.
TEST(Explore, EqualDigestsAreEqualWorlds) {
  for (const std::string& name : ProfileNames()) {
    const Profile profile = MakeProfile(name, Tier::kShort);
    std::map<Digest, World> met{{profile.start.digest(), profile.start}};
    std::vector<const World*> frontier{&met.begin()->second};
    while (!frontier.empty() && met.size() < 3'000) {
      std::vector<const World*> next_frontier;
      for (const World* world : frontier) {
        for (const Choice& choice : world->Choices()) {
          World next = *world;
          next.Take(choice, nullptr);
          const auto [known, fresh] = met.try_emplace(next.digest(), next);
          if (fresh) next_frontier.push_back(&known->second);
          ASSERT_TRUE(known->second == next) << name << ", after " << next.Describe(choice);
        }
      }
      frontier = std::move(next_frontier);
    }
  }
}

TEST(Explore, FindsWhatADiskThatLiesBreaks) {
  Scene scene{.name = "lies", .disks_lie = true};
  for (uint32_t id = 1; id <= 3; ++id) scene.membership.members.push_back({NodeId{id}});
  World start(&scene);
  start.Allow(Budgets{.crashes = 1});
  const Report report = Explore(start, Limits{});
  EXPECT_EQ(report.broken, "node 1: forgot its promise 1.1");
  // Three steps to a promise, which leaves with Prepare; two more to forget it.
  const std::string story = Transcript(start, report.path);
  EXPECT_NE(story.find("BROKEN: " + report.broken), std::string::npos) << story;
  EXPECT_EQ(report.path.back(), (Choice{Act::kRestart, 1}));
}

TEST(Explore, PathsSurviveTheirText) {
  const Path path{{Act::kTick, 1}, {Act::kDeliver, 12}, {Act::kCrash, 2, 3}, {Act::kNext}};
  EXPECT_EQ(ToText(path), "t1 d12 c2+3 n0");
  EXPECT_EQ(ParsePath("t1,d12 c2+3  n0"), path);
  for (const Choice& choice : path) EXPECT_EQ(Choice::Unpack(choice.Pack()), choice);
  for (const char* wrong : {"?1", "t", "t1x", "d256", "c1+16", "t1+2"}) {
    EXPECT_EQ(ParsePath(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace baton::explore
