// A handover during a change of members, and a change during a handover: one story, told once for
// every third event after the one was asked for, at which the other is. Whatever meets, one outcome
// is recorded, nobody leads who has left, and writes go on.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "tests/server/replica/handover_story.h"

namespace baton::server {
namespace {

enum class Leaves { kOldLeader, kTarget, kThird };

// One story of four voters, one of whom leaves: the second of the two is asked for so many events
// after the first.
class ChangeAndHandover {
 public:
  ChangeAndHandover(Leaves leaves, bool change_first)
      : story_({.nodes = 4}), change_first_(change_first) {
    from_ = story_.Leader();
    to_ = story_.Other(from_);
    leaves_ = leaves == Leaves::kOldLeader ? from_ : leaves == Leaves::kTarget ? to_ : 4;
    story_.cluster.RunFor(200'000);
  }

  // False: the first was over by then. `*outcome`: of the handover, as far as it names no reign.
  bool Tell(int at, std::string* outcome) {
    const int64_t since_us = story_.cluster.now_us();
    change_first_ ? AskForChange() : AskForHandover();
    int events = 0;
    story_.cluster.RunUntil(
        [&] { return (change_first_ ? changed_.has_value() : told_.has_value()) || ++events > at; },
        kSecond);
    const bool over = change_first_ ? changed_.has_value() : told_.has_value();
    change_first_ ? AskForHandover() : AskForChange();
    const HandoverRow row = story_.MustAsk(HandoverStory::Start("move", to_));
    const size_t end = std::min(row.outcome.find(';'), row.outcome.find(": n"));
    *outcome = std::string(NameOf(row.state())) + ": " + row.outcome.substr(0, end);
    EXPECT_TRUE(Final(row.state()));
    ChangeUntilDone();
    EXPECT_LT(story_.cluster.now_us() - since_us, 3 * kSecond);
    EXPECT_NE(story_.Leader(), leaves_);
    story_.ExpectProgress();
    return !over;
  }

 private:
  MembersCall Call() {
    const NodeStatus status = story_.cluster.node(story_.Leader())->Status();
    MembersCall call;
    call.from = status.epoch;
    call.members = status.members;
    std::erase_if(call.members,
                  [this](const MemberInfo& one) { return one.node.value == leaves_; });
    call.actor = "operator";
    return call;
  }
  bool Changed() {
    const NodeStatus status = story_.cluster.node(story_.Leader())->Status();
    return !status.changing && status.members.size() == 3;
  }
  void AskForChange() {
    story_.cluster.AskForMembers(story_.Leader(), Call(), 5 * kSecond, &changed_);
  }
  void AskForHandover() {
    story_.cluster.AskForHandover(story_.Leader(), HandoverStory::Start("move", to_), 20 * kSecond,
                                  &told_);
  }
  void ChangeUntilDone() {
    for (int i = 0; i < 20 && !Changed(); ++i) {
      story_.cluster.ChangeMembers(story_.Leader(), Call());
      story_.cluster.RunFor(20'000);
    }
    EXPECT_TRUE(Changed());
  }

  HandoverStory story_;
  const bool change_first_;
  uint32_t from_ = 0;
  uint32_t to_ = 0;
  uint32_t leaves_ = 0;
  std::optional<HandoverResult> told_;
  std::optional<MembersResult> changed_;
};

const std::string kUnsettled = "REJECTED: members: a change is under way, wanted: settled";
const std::string kLedNoMore = "ABORTED: the leader that had begun it led no more";
const std::string kDoneWell = "DONE: n2 leads";

// What may be recorded: each is at some moment, and nothing else at any. A node that has left is
// named by its number.
const struct {
  const char* name;
  Leaves leaves;
  bool change_first;
  std::set<std::string> outcomes;
} kStories[] = {
    {"the leader leaves and is to hand over",
     Leaves::kOldLeader,
     true,
     {kLedNoMore, "REJECTED: n2 leads already"}},
    {"the leader hands over and leaves",
     Leaves::kOldLeader,
     false,
     {kUnsettled, kLedNoMore, kDoneWell}},
    {"the target leaves and is to lead",
     Leaves::kTarget,
     true,
     {"REJECTED: node 2 is no member any more"}},
    {"the target is to lead and leaves",
     Leaves::kTarget,
     false,
     {"REJECTED: n2 is no member any more", "REJECTED: node 2 is no member any more",
      "ABORTED: n2 is no voter any more", "DONE: its probation was cut short", kDoneWell}},
    {"a third leaves, then a handover", Leaves::kThird, true, {kDoneWell}},
    {"a handover, and a third leaves", Leaves::kThird, false, {kUnsettled, kDoneWell}},
};

TEST(SeenElsewhere, AHandoverAndAChangeOfMembersAtAnyMoment) {
  constexpr int kStride = 3;
  for (const auto& each : kStories) {
    std::set<std::string> outcomes;
    bool more = true;
    for (int at = 0; more; at += kStride) {
      SCOPED_TRACE(std::string(each.name) + ", event " + std::to_string(at));
      ASSERT_LT(at, 1'000);
      std::string outcome;
      more = ChangeAndHandover(each.leaves, each.change_first).Tell(at, &outcome);
      if (HasFailure()) return;
      EXPECT_TRUE(each.outcomes.contains(outcome)) << outcome;
      outcomes.insert(outcome);
    }
    EXPECT_EQ(outcomes, each.outcomes) << each.name;
  }
}

}  // namespace
}  // namespace baton::server
