#include "tests/history/history.h"

#include <gtest/gtest.h>

#include <sstream>

namespace baton::history {
namespace {

TEST(History, LinesAreAsDocumented) {
  const Operation put{1, Kind::kPut, "k", "1", 100, 350, Outcome::kOk, 7, 12};
  EXPECT_EQ(ToJson(put),
            R"({"client":1,"kind":"put","key":"k","value":"1","invoked_us":100,"returned_us":350,)"
            R"("outcome":"ok","revision":7,"slot":12})");
}

TEST(History, WhatIsWrittenIsReadBack) {
  const std::vector<Operation> history = {
      {1, Kind::kPut, "k", "", 1, 2, Outcome::kOk, 7, 12},
      {2, Kind::kGet, "k\n\"\xc3\xa4", std::nullopt, 3, 3, Outcome::kOk},
      {~uint64_t{0}, Kind::kDelete, std::string("\xff\0k", 3), std::nullopt, -5, 9,
       Outcome::kUnknown},
      {3, Kind::kPut, "", "\xfe", 1, 2, Outcome::kFailed},
  };
  std::stringstream file;
  WriteHistory(history, &file);
  const auto read = ReadHistory(&file);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, history);
}

TEST(History, UnknownFieldsAndEmptyLinesAreSkipped) {
  std::stringstream file(
      "\n"
      R"({"client":1,"kind":"get","key":"k","invoked_us":1,"returned_us":2,"outcome":"ok","x":1})"
      "\n");
  const auto read = ReadHistory(&file);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().value, std::nullopt);
}

TEST(History, WrongLinesAreNamed) {
  const struct {
    const char* line;
    const char* said;
  } cases[] = {
      {"{", "not a JSON object"},
      {"[]", "not a JSON object"},
      {R"({"kind":"get","key":"k","invoked_us":1,"returned_us":2,"outcome":"ok"})", "\"client\""},
      {R"({"client":1,"kind":"cas","key":"k","invoked_us":1,"returned_us":2,"outcome":"ok"})",
       "get | put | delete"},
      {R"({"client":1,"kind":"get","invoked_us":1,"returned_us":2,"outcome":"ok"})", "\"key\""},
      {R"({"client":1,"kind":"get","key_base64":"!","invoked_us":1,"returned_us":2,"outcome":"ok"})",
       "base64"},
      {R"({"client":1,"kind":"put","key":"k","invoked_us":1,"returned_us":2,"outcome":"ok"})",
       "\"value\""},
      {R"({"client":1,"kind":"get","key":"k","invoked_us":3,"returned_us":2,"outcome":"ok"})",
       "\"returned_us\""},
      {R"({"client":1,"kind":"get","key":"k","invoked_us":1,"returned_us":2,"outcome":"maybe"})",
       "ok | failed | unknown"},
      {R"({"client":1,"kind":"get","key":1,"invoked_us":1,"returned_us":2,"outcome":"ok"})",
       "\"key\""},
  };
  for (const auto& one : cases) {
    std::stringstream file(std::string("\n") + one.line);
    const auto read = ReadHistory(&file);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << one.line;
    const std::string message(read.status().message());
    EXPECT_NE(message.find("line 2: "), std::string::npos) << message;
    EXPECT_NE(message.find(one.said), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace baton::history
