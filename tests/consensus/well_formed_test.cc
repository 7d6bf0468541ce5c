// What is looked at of the messages of snapshots, which the core does not look at itself.
#include "consensus/well_formed.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace baton::consensus {
namespace {

constexpr Ballot kBallot{5, NodeId{1}}, kOlder{4, NodeId{2}};

SnapshotOffer Offer() {
  SnapshotOffer offer;
  offer.ballot = kBallot;
  offer.snapshot = 7;
  offer.prev = {kOlder, Slot{8}};
  offer.last = {kBallot, Slot{9}};
  offer.entry = std::make_shared<const std::string>("entry");
  offer.configuration = {
      EntryId{kOlder, Slot{3}},
      {Epoch{2}, {{NodeId{1}, Role::kVoter, ""}, {NodeId{2}, Role::kLearner, ""}}, {}}};
  offer.bytes = 100;
  return offer;
}

bool Passes(MessageBody body) {
  return WellFormed(Message{NodeId{1}, NodeId{2}, kFirstGroup, std::move(body)});
}

template <class F>
bool PassesWith(F change) {
  SnapshotOffer offer = Offer();
  change(&offer);
  return Passes(offer);
}

TEST(WellFormedTest, AnOfferIsItsSendersOwnAndEndsWithAnEntryThatFollows) {
  EXPECT_TRUE(Passes(Offer()));
  EXPECT_FALSE(PassesWith([](auto* o) { o->ballot = Ballot{5, NodeId{3}}; }));
  EXPECT_FALSE(PassesWith([](auto* o) { o->ballot.round = kRoundMax + 1; }));
  EXPECT_FALSE(PassesWith([](auto* o) { o->last.slot = Slot{10}; }));
  EXPECT_FALSE(PassesWith([](auto* o) { o->prev.slot = o->last.slot = Slot{~uint64_t{0}}; }));
  EXPECT_FALSE(PassesWith([](auto* o) {
    o->prev.slot = Slot{kSlotMax};
    o->last.slot = Slot{kSlotMax + 1};
  }));
  EXPECT_FALSE(PassesWith([](auto* o) { o->last.born = Ballot{3, NodeId{1}}; }));
  EXPECT_FALSE(PassesWith([](auto* o) { o->last.born = Ballot{6, NodeId{1}}; }));
  EXPECT_FALSE(PassesWith([](auto* o) { o->entry = nullptr; }));
  EXPECT_TRUE(PassesWith([](auto* o) { o->bytes = 0; })) << "to a witness";
  EXPECT_FALSE(PassesWith([](auto* o) { o->bytes = kSnapshotBytesMax + 1; }));
}

TEST(WellFormedTest, AnOfferBringsAConfigurationToGoBy) {
  const auto with = [](auto change) {
    return PassesWith([&](auto* o) { change(&o->configuration); });
  };
  EXPECT_TRUE(with([](Configuration* c) { c->at = EntryId{}; })) << "given before the log began";
  EXPECT_FALSE(with([](Configuration* c) { c->at.slot = Slot{kSlotMax + 1}; }));
  EXPECT_FALSE(with([](Configuration* c) { c->at.born = Ballot{6, NodeId{2}}; }));
  EXPECT_FALSE(with([](Configuration* c) { c->membership.members.clear(); }));
  EXPECT_FALSE(with([](Configuration* c) { c->membership.members[0].role = Role::kLearner; }));
  EXPECT_FALSE(with([](Configuration* c) {
    std::swap(c->membership.members[0], c->membership.members[1]);
  })) << "sorted";
  EXPECT_FALSE(with([](Configuration* c) { c->membership.members[1] = c->membership.members[0]; }))
      << "each once";
  EXPECT_TRUE(with([](Configuration* c) {
    c->membership.outgoing = {{NodeId{3}, Role::kVoter, ""}};
  }));
  EXPECT_FALSE(with([](Configuration* c) {
    c->membership.outgoing = {{NodeId{3}, Role::kLearner, ""}};
  }));
}

TEST(WellFormedTest, PositionsCannotWrapAndAChunkHasBytes) {
  const auto bytes = std::make_shared<const std::string>("x");
  EXPECT_TRUE(Passes(SnapshotPull{.snapshot = 7, .position = 100}));
  EXPECT_FALSE(Passes(SnapshotPull{.snapshot = 7, .position = kSnapshotBytesMax + 1}));
  EXPECT_TRUE(Passes(SnapshotChunk{7, 100, 0, bytes}));
  EXPECT_FALSE(Passes(SnapshotChunk{7, kSnapshotBytesMax + 1, 0, bytes}));
  EXPECT_FALSE(Passes(SnapshotChunk{7, 100, 0, nullptr}));
  EXPECT_FALSE(Passes(SnapshotChunk{7, 100, 0, std::make_shared<const std::string>()}));
}

}  // namespace
}  // namespace baton::consensus
