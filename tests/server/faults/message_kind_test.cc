#include "server/faults/message_kind.h"

#include <gtest/gtest.h>

#include <set>

namespace baton::server {
namespace {

TEST(MessageKindTest, EveryMessageHasANameOfItsOwn) {
  const std::vector<std::string>& kinds = MessageKinds();
  EXPECT_EQ(std::set<std::string>(kinds.begin(), kinds.end()).size(), kinds.size());
  EXPECT_EQ(kinds.size(), std::variant_size_v<consensus::MessageBody> + 1);  // and the heartbeat
}

TEST(MessageKindTest, AnAcceptWithoutEntriesIsAHeartbeat) {
  consensus::Accept accept;
  EXPECT_EQ(MessageKind(accept), "heartbeat");
  accept.entries.emplace_back();
  EXPECT_EQ(MessageKind(accept), "accept");
  EXPECT_EQ(MessageKind(consensus::Promise{}), "promise");
}

}  // namespace
}  // namespace baton::server
