#include "server/drain.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/server/rpc/fake_node.h"

namespace baton::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};

NodeStatus Leading() {
  NodeStatus status;
  status.state = "leader";
  status.ballot = Ballot{7, NodeId{1}};
  return status;
}

TEST(Drain, AsksForNothingWhereTheNodeDoesNotLead) {
  FakeNode node;
  node.handover = [](const HandoverCall&) -> HandoverResult {
    ADD_FAILURE() << "asked";
    return {};
  };
  Drain(&node, "n1", kLong);
}

TEST(Drain, EndsOnceAnotherLeads) {
  FakeNode node;
  node.SetStatus(Leading());
  HandoverCall asked;
  node.handover = [&](const HandoverCall& call) {
    asked = call;
    node.TellLeader({"n1", "here"});  // itself, late: says nothing
    HandoverResult handed;
    handed.failure = NotLeaderFailure(LeaderHint{"n2", "there"});
    return handed;
  };
  std::thread other([&] {
    while (node.watchers() == 0) std::this_thread::yield();
    node.TellLeader({"n2", "there"});
  });
  Drain(&node, "n1", kLong);
  other.join();
  EXPECT_EQ(asked.order.id, "drain-7.1");
  EXPECT_EQ(asked.order.reason, "drain");
  EXPECT_EQ(asked.order.to, NodeId{});
  EXPECT_EQ(asked.actor, "n1");
  EXPECT_EQ(node.watchers(), 0u);
}

TEST(Drain, EndsAtOnceWhereNobodyWill) {
  FakeNode node;
  node.SetStatus(Leading());
  node.handover = [](const HandoverCall&) {
    HandoverResult rejected;
    rejected.row.emplace();
    rejected.row->outcome = "there is no other node that may lead";
    return rejected;
  };
  Drain(&node, "n1", kLong);
}

TEST(Drain, ItsPatienceEnds) {
  FakeNode node;
  node.SetStatus(Leading());
  node.handover = [](const HandoverCall&) {
    HandoverResult handed;
    handed.failure = NotLeaderFailure(LeaderHint{"n2", "there"});
    return handed;
  };
  const auto begin = std::chrono::steady_clock::now();
  Drain(&node, "n1", milliseconds(50));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(49));
}

}  // namespace
}  // namespace baton::server
