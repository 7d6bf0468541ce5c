#include "tools/baton/table.h"

#include <gtest/gtest.h>

namespace baton::cli {
namespace {

TEST(Table, AlignsColumns) {
  Table table({{"NAME"}, {"SLOT", Table::Align::kRight}, {"HEALTH"}});
  table.Add({"n1", "7", "healthy"});
  table.Add({"long-name", "12345", ""});
  EXPECT_EQ(table.Text(false),
            "NAME        SLOT  HEALTH\n"
            "n1             7  healthy\n"
            "long-name  12345\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table({{"A"}, {"B"}});
  table.Add({"grün", "1"});
  table.Add({"blau", "2"});
  EXPECT_EQ(table.Text(false), "A     B\ngrün  1\nblau  2\n");
}

TEST(Table, ColoursOnlyWhenAsked) {
  Table table({{"STATE"}, {"X"}});
  table.Add({{"up", Table::Colour::kGreen}, "1"});
  EXPECT_EQ(table.Text(false), "STATE  X\nup     1\n");
  EXPECT_EQ(table.Text(true), "STATE  X\n\033[32mup\033[0m     1\n");
}

TEST(Table, WithoutRowsIsItsTitles) { EXPECT_EQ(Table({{"A"}, {"B"}}).Text(false), "A  B\n"); }

}  // namespace
}  // namespace baton::cli
