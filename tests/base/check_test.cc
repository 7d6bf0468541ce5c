#include "base/check.h"

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(Check, PassesWithoutEvaluatingItsText) {
  int evaluated = 0;
  const auto text = [&evaluated] {
    ++evaluated;
    return "never seen";
  };
  BATON_CHECK(1 + 1 == 2) << text();
  EXPECT_EQ(evaluated, 0);
}

TEST(Check, BindsLikeOneStatement) {
  bool reached_else = false;
  if (false)
    BATON_CHECK(true) << "the if's own arm";
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
}

TEST(CheckDeathTest, NamesConditionTextAndPlace) {
  const int commit = 7;
  EXPECT_DEATH(BATON_CHECK(commit <= 6) << "commit " << commit,
               "check_test.cc.*commit <= 6.*commit 7");
}

}  // namespace
}  // namespace baton
