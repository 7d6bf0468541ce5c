#include "baton/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "baton/client.h"

namespace baton {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseEndpoints, SplitsAndDropsDuplicates) {
  EXPECT_THAT(*ParseEndpoints("a:1,b:2,,a:1"), ElementsAre("a:1", "b:2"));
  EXPECT_THAT(*ParseEndpoints("[::1]:7101"), ElementsAre("[::1]:7101"));
}

TEST(ParseEndpoints, NamesThePartThatIsWrong) {
  for (const char* wrong : {"host", "host:", ":1", "host:0", "host:65536", "host:7x", "::1:70",
                            "http://h:1", "h:99999999999999999999", "a b:1"}) {
    const auto parsed = ParseEndpoints(std::string("ok:1,") + wrong);
    ASSERT_FALSE(parsed.ok()) << wrong;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(GetReason(parsed.status()), Reason::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(wrong));
  }
  EXPECT_FALSE(ParseEndpoints("").ok());
  EXPECT_FALSE(ParseEndpoints(",").ok());
}

TEST(Connect, RefusesNoEndpoints) {
  EXPECT_EQ(Client::Connect({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Client::Connect({.endpoints = {"nonsense"}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Durability, HasNames) {
  EXPECT_STREQ(DurabilityName(Durability::kQuorum), "quorum");
  EXPECT_STREQ(DurabilityName(Durability::kLocal), "local");
  EXPECT_STREQ(DurabilityName(static_cast<Durability>(77)), "unknown");
}

}  // namespace
}  // namespace baton
