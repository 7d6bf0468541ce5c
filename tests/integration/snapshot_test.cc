// A node that was away for longer than the log is kept comes back by a snapshot: real processes,
// real RocksDB files.
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/cluster.h"

namespace baton::testing {
namespace {

constexpr int kKeys = 150;
constexpr size_t kValueBytes = 200'000;

// Some 30 MiB a round: more than the log is truncated in steps of.
void WriteRound(Client* client, int round) {
  for (int i = 0; i < kKeys; ++i) {
    CallOptions options;
    options.timeout = kPatience;
    const std::string value(kValueBytes, static_cast<char>('a' + (round + i) % 26));
    ASSERT_TRUE(client->Put("k" + std::to_string(i), value, options).ok()) << round << " " << i;
  }
}

TEST(SnapshotTest, ANodeThatWasAwayForLongComesBackWhileWritesGoOn) {
  Cluster cluster({.flags = {"--log-retention-bytes", "8388608", "--segment-bytes", "8388608"}});
  const int away = (cluster.AwaitLeader() + 1) % cluster.size();
  cluster.Kill(away);
  int round = 0;
  // Whichever of the others leads by then.
  const auto truncated = [&] {
    for (int node = 0; node < cluster.size(); ++node) {
      if (node == away) continue;
      const auto status = cluster.Status(node);
      if (!status || status->first_slot <= 2) return false;
    }
    return true;
  };
  while (!truncated() && round < 12)
    ASSERT_NO_FATAL_FAILURE(WriteRound(&cluster.client(), round++));
  ASSERT_TRUE(truncated()) << "after " << round << " rounds";
  cluster.Start(away);
  ASSERT_NO_FATAL_FAILURE(WriteRound(&cluster.client(), round));
  ASSERT_TRUE(cluster.AwaitHealthy());
  EXPECT_NE(cluster.Log(away).find("a snapshot is installed"), std::string::npos);
  const std::vector<DigestInfo> digests = DigestsAtRest(&cluster);
  ASSERT_EQ(digests.size(), 3u);
  for (const DigestInfo& digest : digests) {
    EXPECT_EQ(digest.digest, digests[0].digest);
    EXPECT_GE(digest.count, static_cast<uint64_t>(kKeys));
  }
  // What was installed survives a crash.
  cluster.Kill(away);
  cluster.Start(away);
  ASSERT_TRUE(cluster.AwaitHealthy());
}

}  // namespace
}  // namespace baton::testing
