#include "client/read_places.h"

#include <gtest/gtest.h>

namespace baton::client {
namespace {

const std::vector<std::string> kNodes = {"a:1", "b:1", "c:1"};
const ReadPlace kNearestPlace{ReadFrom::kNearest, ""};
const ReadPlace kAnyPlace{ReadFrom::kAny, ""};

TEST(ReadPlacesTest, TheNearestIsTheQuickestToAnswerAndIsKept) {
  ReadPlaces places;
  EXPECT_EQ(places.Choose(kNearestPlace, kNodes, 0, 0), "a:1");  // none is measured
  places.Answered("a:1", 900);
  places.Answered("b:1", 200);
  places.Answered("c:1", 500);
  EXPECT_EQ(places.Choose(kNearestPlace, kNodes, 0, 0), "b:1");
  places.Answered("c:1", 100);
  EXPECT_EQ(places.Choose(kNearestPlace, kNodes, 0, 0), "b:1");
  places.Failed("b:1", 0);
  EXPECT_EQ(places.Choose(kNearestPlace, kNodes, 0, 0), "c:1");
}

TEST(ReadPlacesTest, AnyIsDrawnOnceAndLeftWhenItFails) {
  ReadPlaces places;
  EXPECT_EQ(places.Choose(kAnyPlace, kNodes, 0, 5), "c:1");
  EXPECT_EQ(places.Choose(kAnyPlace, kNodes, 0, 6), "c:1");
  places.Failed("c:1", 0);
  EXPECT_EQ(places.Choose(kAnyPlace, kNodes, 0, 1), "b:1");
}

TEST(ReadPlacesTest, WhenAllHaveFailedOneWaits) {
  ReadPlaces places;
  places.Failed("b:1", 300);
  places.Failed("a:1", 400);
  places.Failed("c:1", 500);
  EXPECT_FALSE(places.Choose(kAnyPlace, kNodes, 500, 0));
  const int64_t retry_us = places.RetryAtUs(kAnyPlace, kNodes);
  EXPECT_EQ(retry_us, 300 + ReadPlaces::kAvoidUs);
  EXPECT_EQ(places.Choose(kAnyPlace, kNodes, retry_us, 0), "b:1");
}

TEST(ReadPlacesTest, ANamedNodeIsTheOnlyOne) {
  ReadPlaces places;
  const ReadPlace place{ReadFrom::kAny, "d:1"};
  EXPECT_EQ(places.Choose(place, kNodes, 0, 1), "d:1");
  places.Failed("d:1", 0);
  EXPECT_FALSE(places.Choose(place, kNodes, 0, 1));
  EXPECT_EQ(places.RetryAtUs(place, kNodes), ReadPlaces::kAvoidUs);
}

}  // namespace
}  // namespace baton::client
