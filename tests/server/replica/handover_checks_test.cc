#include "server/replica/handover_checks.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "server/replica/probation.h"

namespace baton::server {
namespace {

HandoverView GoodView() {
  HandoverView view;
  view.voter = true;
  view.own_write_us = 1'000;
  view.wall_time_us = 1'700'000'000'000'000;
  return view;
}
TellReady GoodTold() {
  TellReady told;
  told.write_us = 2'000;
  told.log_room_bytes = 1 << 20;
  told.wall_time_us = GoodView().wall_time_us + 900;
  return told;
}

TEST(HandoverChecks, AGoodTargetPassesAll) {
  const auto checks = CheckTarget(GoodView(), GoodTold(), Policy());
  EXPECT_EQ(checks.size(), 11u);
  EXPECT_EQ(FailedChecks(checks), "");
}

// Each fault fails the check that is about it, and no other.
TEST(HandoverChecks, EachFaultIsNamed) {
  struct Fault {
    std::string name;
    std::function<void(HandoverView*, TellReady*)> plant;
  };
  const Fault faults[] = {
      {"voter", [](auto* view, auto*) { view->voter = false; }},
      {"members", [](auto* view, auto*) { view->changing = true; }},
      {"barred", [](auto*, auto* told) { told->barred = true; }},
      {"recovering", [](auto* view, auto*) { view->health.recovering = true; }},
      {"lag", [](auto* view, auto*) { view->lag = 1'024 + 1; }},
      {"apply", [](auto*, auto* told) { told->unapplied = 1'024 + 1; }},
      {"disk", [](auto* view, auto*) { view->health.disk = consensus::DiskClass::kSlow; }},
      {"headroom", [](auto*, auto* told) { told->write_us = 20'000 + 1; }},
      {"snapshot", [](auto*, auto* told) { told->installing = true; }},
      {"clock", [](auto*, auto* told) { told->wall_time_us -= 1'000'000 + 1'000; }},
      {"room", [](auto*, auto* told) { told->nearly_full = true; }},
  };
  for (const Fault& fault : faults) {
    HandoverView view = GoodView();
    TellReady told = GoodTold();
    fault.plant(&view, &told);
    for (const HandoverCheck& check : CheckTarget(view, told, Policy())) {
      EXPECT_EQ(check.passed, check.name != fault.name) << fault.name << " / " << check.name;
    }
    EXPECT_EQ(FailedChecks(CheckTarget(view, told, Policy())).rfind(fault.name + ": ", 0), 0u);
  }
}

TEST(HandoverChecks, WritesAreMeasuredAgainstTheLeaders) {
  HandoverView view = GoodView();
  view.own_write_us = 10'000;
  TellReady told = GoodTold();
  told.write_us = 40'000;
  EXPECT_EQ(FailedChecks(CheckTarget(view, told, Policy())), "");
  told.write_us = 40'001;
  EXPECT_NE(FailedChecks(CheckTarget(view, told, Policy())), "");
}

TEST(Probation, CountsTheLongestStandstillOnlyWhileSomethingWaits) {
  Probation probation(Slot{10}, 500, 0, 1'000);
  probation.Look(Slot{10}, Slot{10}, 9'000);  // nothing waits
  EXPECT_EQ(probation.worst_us(), 0);
  EXPECT_EQ(probation.first_ack_us(), 0);
  EXPECT_EQ(probation.NextDeadlineUs(), kNever);
  probation.Look(Slot{10}, Slot{11}, 9'100);
  EXPECT_EQ(probation.NextDeadlineUs(), 9'501) << "it waits since nothing moved";
  probation.Look(Slot{11}, Slot{12}, 9'300);
  EXPECT_EQ(probation.first_ack_us(), 9'300);
  EXPECT_FALSE(probation.Failed());
  probation.Look(Slot{11}, Slot{12}, 9'801);
  EXPECT_TRUE(probation.Failed());
  EXPECT_EQ(probation.worst_us(), 501);
  probation.Look(Slot{12}, Slot{12}, 9'900);
  EXPECT_TRUE(probation.Failed()) << "once is enough";
}

}  // namespace
}  // namespace baton::server
