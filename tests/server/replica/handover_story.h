// HandoverStory: a cluster of three voters and an operator, for tests that tell handovers as
// stories.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/server/replica/sim_cluster.h"

namespace baton::server {

inline constexpr int64_t kSecond = 1'000'000;

class HandoverStory {
 public:
  explicit HandoverStory(const SimOptions& options) : cluster(options) { cluster.ElectLeader(); }

  uint32_t Leader() { return cluster.Leader() != 0 ? cluster.Leader() : cluster.ElectLeader(); }
  uint32_t Other(uint32_t n) const { return n == 1 ? 2 : 1; }

  static HandoverCall Start(const std::string& id, uint32_t to) {
    HandoverCall call;
    call.order = {id, NodeId{to}, "a story", 5 * kSecond, 200'000};
    call.actor = "operator";
    return call;
  }
  static HandoverCall Abort(const std::string& id) {
    HandoverCall call;
    call.what = HandoverCall::What::kAbort;
    call.order.id = id;
    call.order.reason = "another day";
    call.actor = "operator";
    return call;
  }
  static HandoverCall Show(const std::string& id) {
    HandoverCall call;
    call.what = HandoverCall::What::kShow;
    call.order.id = id;
    return call;
  }
  static HandoverCall ShowElection(const Ballot& reign) {
    return Show(std::string(kElectionIdPrefix) + ToString(reign));
  }
  // Asks who leads, again and again, as a client does.
  HandoverResult Ask(const HandoverCall& call) {
    for (int i = 0; i < 50; ++i) {
      const HandoverResult result = cluster.Handover(Leader(), call);
      const Reason reason = result.failure.reason;
      if (reason != Reason::kNotLeader && reason != Reason::kNoLeader) return result;
      cluster.RunFor(50'000);
    }
    ADD_FAILURE() << "nobody answers";
    return {};
  }
  HandoverRow MustAsk(const HandoverCall& call) {
    const HandoverResult result = Ask(call);
    EXPECT_TRUE(result.failure.ok()) << result.failure.message;
    return result.row.value_or(HandoverRow{});
  }
  // Asks the leader; returns once its log ends in the Seal.
  bool StartUntilSealed(uint32_t leader, uint32_t to, std::optional<HandoverResult>* result) {
    cluster.AskForHandover(leader, Start("move", to), 20 * kSecond, result);
    return cluster.RunUntil([&] { return cluster.core(leader)->sealed(); }, 2 * kSecond);
  }
  void Put(const std::string& key, const std::string& value) {
    const Answer put = cluster.Put(Leader(), key, value);
    ASSERT_TRUE(put.failure.ok()) << put.failure.message;
  }
  void ExpectValue(const std::string& key, const std::string& value) {
    const Answer got = cluster.Get(Leader(), key);
    ASSERT_TRUE(got.failure.ok()) << got.failure.message;
    const auto& records = std::get<GetResult>(got.result).records;
    ASSERT_TRUE(records.size() == 1 && records[0].has_value());
    EXPECT_EQ(records[0]->value, value);
  }
  // A write is acknowledged and read, and nothing was broken on the way.
  void ExpectProgress() {
    Put("last", "now");
    ExpectValue("last", "now");
    EXPECT_EQ(cluster.violation(), "");
  }

  SimCluster cluster;
};

inline std::vector<HandoverState> StatesOf(const HandoverRow& row) {
  std::vector<HandoverState> states;
  for (const HandoverStep& step : row.steps) states.push_back(step.state);
  return states;
}

}  // namespace baton::server
