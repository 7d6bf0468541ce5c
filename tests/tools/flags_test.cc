#include "tools/baton/flags.h"

#include <gtest/gtest.h>

namespace baton::cli {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, TakesNumberAndUnit) {
  EXPECT_EQ(*ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("5s"), milliseconds(5000));
  EXPECT_EQ(*ParseDuration("2m"), milliseconds(120'000));
  EXPECT_EQ(*ParseDuration("24h"), milliseconds(86'400'000));
  EXPECT_EQ(*ParseDuration("2d"), milliseconds(172'800'000));
}

TEST(ParseDuration, RefusesTheRest) {
  for (const char* bad :
       {"", "5", "s", "0s", "-1s", "5 s", "1.5s", "5S", "366d", "5sx", "99999999999999999999s"}) {
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
  }
}

TEST(ParseMembers, ListsNamesAndAddresses) {
  const auto members = ParseMembers("n1=10.0.0.1:7400,n2=host:7401");
  ASSERT_TRUE(members.ok()) << members.status();
  ASSERT_EQ(members->size(), 2u);
  EXPECT_EQ((*members)[0].name, "n1");
  EXPECT_EQ((*members)[0].peer_address, "10.0.0.1:7400");
  EXPECT_EQ((*members)[1].name, "n2");
  EXPECT_EQ((*members)[1].peer_address, "host:7401");
}

TEST(ParseMembers, SaysWhatToChange) {
  const auto message = [](const char* text) {
    return std::string(ParseMembers(text).status().message());
  };
  EXPECT_EQ(message("n1"), "\"n1\" is no member; write NAME=HOST:PORT, as in n1=10.0.0.1:7400");
  EXPECT_EQ(message("n1=a:1,n1=a:2"),
            "member n1 is listed twice; give each node a name of its own");
  EXPECT_EQ(message("n1=a:1,n2=a:1"),
            "address a:1 is listed twice; give each node an address of its own");
  EXPECT_FALSE(ParseMembers("").ok());
  EXPECT_FALSE(ParseMembers("n1=a:1,").ok());
  EXPECT_FALSE(ParseMembers("n1=nowhere").ok());
}

TEST(ParseMemberRef, ANameAndPerhapsAnId) {
  EXPECT_EQ(ParseMemberRef("n2")->name, "n2");
  EXPECT_EQ(ParseMemberRef("n2")->node_id, 0u);
  EXPECT_EQ(ParseMemberRef("n2#17")->name, "n2");
  EXPECT_EQ(ParseMemberRef("n2#17")->node_id, 17u);
  for (const char* text : {"", "#17", "n2#", "n2#0", "n2#x", "n2#17x", "n2#99999999999"}) {
    EXPECT_EQ(ParseMemberRef(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseReadFlags, LevelsAndPlaces) {
  const ReadOptions none = *ParseReadFlags({});
  EXPECT_EQ(none.level, ReadLevel::kDefault);
  EXPECT_EQ(none.from, ReadFrom::kLeader);

  const ReadOptions stale = *ParseReadFlags({.stale_ms = 250, .from = "nearest"});
  EXPECT_EQ(stale.level, ReadLevel::kBoundedStaleness);
  EXPECT_EQ(stale.max_staleness, std::chrono::milliseconds(250));
  EXPECT_EQ(stale.from, ReadFrom::kNearest);

  const ReadOptions at_least = *ParseReadFlags({.at_least = "12@3", .from = "any"});
  EXPECT_EQ(at_least.level, ReadLevel::kAtLeast);
  EXPECT_EQ(at_least.at_least.slot, 12u);
  EXPECT_EQ(at_least.at_least.reign, 3u);
  EXPECT_EQ(at_least.from, ReadFrom::kAny);

  EXPECT_EQ(ParseReadFlags({.from = "db1:7400"})->node, "db1:7400");
}

TEST(ParseReadFlags, SaysWhatToChange) {
  for (const char* bad : {"12", "12@", "@3", "0@3", "12@0", "12@3x", "a@b", "12@-3", "12 @3"}) {
    const auto read = ParseReadFlags({.at_least = bad});
    EXPECT_EQ(
        std::string(read.status().message()),
        "\"" + std::string(bad) +
            "\" is no position; write SLOT@REIGN with the two numbers of an answer, as in 12@3");
  }
  for (const char* bad : {"", "everywhere", "a:1,b:2", "a:0"}) {
    EXPECT_FALSE(ParseReadFlags({.from = bad}).ok()) << bad;
  }
}

}  // namespace
}  // namespace baton::cli
