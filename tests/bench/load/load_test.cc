#include "bench/load/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "bench/load/report.h"
#include "tests/client/fake_server.h"

namespace baton::load {
namespace {

using client::FakeServer;

LoadOptions ShortRun(const FakeServer& node, Workload workload) {
  LoadOptions options;
  options.endpoints = {node.address()};
  options.workload = workload;
  options.keys = 500;
  options.seconds = 1;
  options.warmup_seconds = 0;
  return options;
}

TEST(RunLoad, GetsFindTheKeysThatWereLoaded) {
  FakeServer node("n1");
  LoadOptions options = ShortRun(node, Workload::kGet);
  options.clients = 2;
  const auto report = RunLoad(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->loaded, 500u);
  EXPECT_EQ(node.data().size(), 500u);
  EXPECT_EQ(node.data().begin()->second.size(), 256u);
  EXPECT_GT(report->latency.count(), 1'000u);
  EXPECT_EQ(report->errors, 0u);
  EXPECT_EQ(report->missing, 0u);
}

TEST(RunLoad, GetsOfKeysThatAreNotThereAreCounted) {
  FakeServer node("n1");
  LoadOptions options = ShortRun(node, Workload::kGet);
  options.load_keys = false;
  const auto report = RunLoad(options);
  ASSERT_TRUE(report.ok());
  EXPECT_GE(report->missing, report->latency.count());
}

TEST(RunLoad, CountsErrorsByReasonAndGoesOn) {
  FakeServer node("n1");
  std::atomic<int> asked = 0;
  node.SetScript([&](const v1::ExchangeItem&) {
    return asked++ % 100 == 99 ? FakeServer::Refuse(v1::REASON_DISK_FULL) : FakeServer::Reply();
  });
  const auto report = RunLoad(ShortRun(node, Workload::kMixed));
  ASSERT_TRUE(report.ok()) << "a put that fails during loading is tried again";
  EXPECT_EQ(report->loaded, 500u);
  EXPECT_GT(report->errors, 0u);
  EXPECT_EQ(report->errors_by_reason.at("DISK_FULL"), report->errors);
  EXPECT_GT(report->latency.count(), report->errors);
}

TEST(RunLoad, TheGapIsTheTimeWithoutASuccess) {
  FakeServer node("n1");
  const auto begin = std::chrono::steady_clock::now();
  node.SetScript([&](const v1::ExchangeItem&) {
    const auto since = std::chrono::steady_clock::now() - begin;
    const bool dark =
        since > std::chrono::milliseconds(300) && since < std::chrono::milliseconds(700);
    return dark ? FakeServer::Refuse(v1::REASON_DISK_FULL) : FakeServer::Reply();
  });
  const auto report = RunLoad(ShortRun(node, Workload::kPut));
  ASSERT_TRUE(report.ok());
  EXPECT_GE(report->max_gap_us, 390'000);
  EXPECT_LE(report->max_gap_us, 700'000);
  const auto longest = [](const auto& a, const auto& b) { return a.gap_us < b.gap_us; };
  const auto found = std::max_element(report->gaps.begin(), report->gaps.end(), longest);
  ASSERT_NE(found, report->gaps.end());
  EXPECT_EQ(found->gap_us, report->max_gap_us);
}

TEST(RunLoad, ChecksItsOptions) {
  FakeServer node("n1");
  LoadOptions options = ShortRun(node, Workload::kPut);
  options.clients = 5;
  options.in_flight = 4;
  EXPECT_EQ(RunLoad(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = ShortRun(node, Workload::kPut);
  options.seconds = 0;
  EXPECT_EQ(RunLoad(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Report, JsonHasTheFieldsThatScriptsDependOn) {
  LoadReport report;
  report.seconds = 2;
  for (uint64_t i = 1; i <= 100; ++i) report.latency.Record(i);
  report.max_gap_us = 12'500;
  report.errors = 3;
  report.errors_by_reason["OUTCOME_UNKNOWN"] = 3;
  const auto json = nlohmann::json::parse(ToJson({}, report));
  EXPECT_EQ(json["ops_per_s"], 50.0);
  EXPECT_EQ(json["p50_us"], 50);
  EXPECT_EQ(json["p99_us"], 99);
  EXPECT_EQ(json["p999_us"], 100);
  EXPECT_EQ(json["max_gap_ms"], 12.5);
  EXPECT_EQ(json["errors"], 3);
  EXPECT_EQ(json["errors_by_reason"]["OUTCOME_UNKNOWN"], 3);
  EXPECT_THAT(ToTable({}, report), testing::HasSubstr("12.5 ms without a success"));
}

TEST(KeyOf, IsOfOneLength) {
  EXPECT_EQ(KeyOf(0), "key000000000000");
  EXPECT_EQ(KeyOf(99'999), "key000000099999");
}

}  // namespace
}  // namespace baton::load
