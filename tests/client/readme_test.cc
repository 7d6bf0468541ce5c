// The quick start that people read is the one that is compiled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(std::string(BATON_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Readme, ShowsTheExampleThatIsBuilt) {
  const std::string example = ReadAll("client/examples/quick_start.cc");
  const size_t main_at = example.find("int main(");
  ASSERT_NE(main_at, std::string::npos);
  EXPECT_THAT(ReadAll("client/README.md"), testing::HasSubstr(example.substr(main_at)));
}

}  // namespace
