#include "server/logging.h"

#include <grpc/support/log.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "baton/v1/common.pb.h"

namespace baton::server {
namespace {

TEST(LoggingTest, EveryLineIsAnObjectThoseOfLibrariesIncluded) {
  gpr_log_verbosity_init();  // as gRPC does when it is first used
  testing::internal::CaptureStderr();
  StartLogging("debug", "json", "n1");
  spdlog::info("a \"quote\", a\nnewline, no UTF-8: \xff");
  gpr_log(GPR_ERROR, "from %s", "gRPC");
  v1::Leader leader;
  EXPECT_FALSE(leader.ParseFromString("\x0a\x01\xff"));  // a name that is no UTF-8
  SetLogLevel("info");
  gpr_log(GPR_ERROR, "not shown");
  std::istringstream text(testing::internal::GetCapturedStderr());
  StartLogging("info", "console", "test");

  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["node"], "n1");
  EXPECT_EQ(lines[0]["message"], "a \"quote\", a\nnewline, no UTF-8: \uFFFD");
  EXPECT_EQ(lines[1]["level"], "debug");
  EXPECT_EQ(lines[1]["message"].get<std::string>().substr(0, 15), "gRPC: from gRPC");
  EXPECT_EQ(lines[2]["message"].get<std::string>().substr(0, 10), "protobuf: ");
}

}  // namespace
}  // namespace baton::server
