// Mixed load under a random nemesis in network namespaces. The history that the clients recorded is
// linearizable, and every acknowledged write is in it or was overwritten; all replicas agree.
//
//   BATON_NEMESIS_SECONDS   how long (default 25)
//   BATON_NEMESIS_SEED      what the nemesis chooses (default: another each time; it is printed)
//   BATON_KEEP=1            keeps logs, data and history even if all is well
#include "tests/integration/nemesis.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "tests/history/linearizability.h"
#include "tests/integration/network.h"
#include "tests/integration/workload.h"

namespace baton::testing {
namespace {

using Clock = std::chrono::steady_clock;
using history::Operation;
using history::Outcome;

constexpr int kNodes = 3;
constexpr uint64_t kProgress = 20;  // acknowledged writes that show that the cluster serves again

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string Counts(const std::vector<Operation>& history) {
  std::map<std::string, int> counts;
  for (const Operation& operation : history) {
    ++counts[std::string(history::Name(operation.kind)) + " " +
             std::string(history::Name(operation.outcome))];
  }
  std::string text = std::to_string(history.size()) + " operations:";
  for (const auto& [what, count] : counts) text += " " + what + " " + std::to_string(count) + ",";
  text.pop_back();
  return text;
}

// Strikes, lets it hurt, mends, and requires progress, until the time is up.
void Torment(Nemesis* nemesis, const Workload& workload, std::chrono::seconds duration,
             std::ostream* log) {
  const Clock::time_point began = Clock::now();
  const auto at = [began] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
  };
  while (Clock::now() - began < duration) {
    std::this_thread::sleep_for(nemesis->Between(200, 2'000));
    const std::string what = nemesis->Strike();
    *log << at() << " ms: " << what << std::endl;
    std::this_thread::sleep_for(nemesis->Between(200, 5'000));
    const uint64_t before = workload.writes_acknowledged();
    nemesis->Mend();
    *log << at() << " ms: mended" << std::endl;
    ASSERT_TRUE(Eventually([&] { return workload.writes_acknowledged() >= before + kProgress; }))
        << "no progress after " << what;
  }
}

TEST(NemesisTest, HistoriesAreLinearizableAndNoAcknowledgedWriteIsLost) {
  const std::chrono::seconds duration(FromEnvironment("BATON_NEMESIS_SECONDS", 25));
  const uint64_t seed = FromEnvironment("BATON_NEMESIS_SEED", std::random_device{}());
  std::cout << "BATON_NEMESIS_SEED=" << seed << std::endl;
  const absl::StatusOr<std::unique_ptr<Network>> network = Network::Make(kNodes);
  if (!network.ok()) GTEST_SKIP() << network.status().message();
  Cluster cluster((*network)->Options());
  Nemesis nemesis(&cluster, network->get(), seed);
  Workload workload(cluster.addresses(), {.seed = seed});
  std::ofstream log(cluster.directory() + "/nemesis.log");
  Torment(&nemesis, workload, duration, &log);
  nemesis.Mend();

  std::vector<std::string> unread;
  const std::vector<Operation> history = workload.Finish(kPatience, &unread);
  EXPECT_TRUE(unread.empty()) << unread.size() << " keys could not be read, " << unread[0];
  const std::string path = cluster.directory() + "/history.jsonl";
  std::ofstream file(path);
  history::WriteHistory(history, &file);
  ASSERT_TRUE(file.flush());
  std::cout << Counts(history) << "; " << workload.reads_anywhere() << " reads from any node"
            << std::endl;
  EXPECT_GT(workload.reads_anywhere(), 0u);

  history::CheckLimits limits;
  limits.time_us = 120'000'000;
  const history::Judgement judgement = history::CheckLinearizable(history, limits);
  EXPECT_EQ(judgement.verdict, history::Verdict::kLinearizable)
      << judgement.key << ":\n"
      << judgement.explanation << "\nthe history: " << path;
  ASSERT_TRUE(cluster.AwaitHealthy());
  const std::vector<DigestInfo> digests = DigestsAtRest(&cluster);
  ASSERT_EQ(digests.size(), static_cast<size_t>(kNodes));
  for (const DigestInfo& digest : digests) EXPECT_EQ(digest.digest, digests[0].digest);
}

}  // namespace
}  // namespace baton::testing
