#include "server/memory_release.h"

#include <gtest/gtest.h>

namespace baton::server {
namespace {

constexpr int64_t kIdleUs = MemoryRelease::kIdleUs;

TEST(MemoryReleaseTest, OncePerBurstAndOnlyAfterIt) {
  MemoryRelease release;
  EXPECT_FALSE(release.Tick(0, 0));
  EXPECT_FALSE(release.Tick(0, 10 * kIdleUs));  // nothing was done yet
  const int64_t start = 20 * kIdleUs;
  EXPECT_FALSE(release.Tick(1, start));
  EXPECT_FALSE(release.Tick(2, start + kIdleUs));  // the burst goes on
  EXPECT_FALSE(release.Tick(2, start + 2 * kIdleUs - 1));
  EXPECT_TRUE(release.Tick(2, start + 2 * kIdleUs));
  EXPECT_FALSE(release.Tick(2, start + 9 * kIdleUs));
  EXPECT_FALSE(release.Tick(3, start + 10 * kIdleUs));
  EXPECT_TRUE(release.Tick(3, start + 11 * kIdleUs));
}

}  // namespace
}  // namespace baton::server
