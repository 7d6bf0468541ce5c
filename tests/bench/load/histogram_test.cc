#include "bench/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace baton::load {
namespace {

TEST(Histogram, EmptyIsZero) {
  EXPECT_EQ(Histogram().Quantile(0.99), 0u);
  EXPECT_EQ(Histogram().count(), 0u);
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t v = 1; v <= 100; ++v) histogram.Record(v);
  EXPECT_EQ(histogram.Quantile(0.0), 1u);
  EXPECT_EQ(histogram.Quantile(0.50), 50u);
  EXPECT_EQ(histogram.Quantile(0.99), 99u);
  EXPECT_EQ(histogram.Quantile(1.0), 100u);
}

TEST(Histogram, EveryValueIsKnownToOnePercent) {
  for (uint64_t v = 1; v < Histogram::kValueMax; v = v * 21 / 20 + 1) {
    Histogram histogram;
    histogram.Record(v);
    histogram.Record(Histogram::kValueMax);  // so that the maximum does not help
    const uint64_t known = histogram.Quantile(0.5);
    EXPECT_GE(known, v);
    EXPECT_LE(known - v, v / 100);
  }
}

TEST(Histogram, AgreesWithASortedList) {
  std::mt19937_64 random(7);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(uint64_t{1} << (random() % 24));
    values.back() += random() % values.back();
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = static_cast<double>(
        values[static_cast<size_t>(quantile * static_cast<double>(values.size())) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.Quantile(quantile)), exact, exact / 100 + 1);
  }
  EXPECT_EQ(histogram.Quantile(1.0), values.back());
}

TEST(Histogram, MergesAndCapsWhatIsTooLarge) {
  Histogram a, b;
  a.Record(10);
  b.Record(UINT64_MAX);
  a.Merge(b);
  EXPECT_EQ(a.count(), 2u);
  EXPECT_EQ(a.max_us(), Histogram::kValueMax);
  EXPECT_EQ(a.Quantile(0.5), 10u);
}

}  // namespace
}  // namespace baton::load
