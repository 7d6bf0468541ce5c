// baton-inspect says what a log holds and how it ends, with the exit codes scripts rely on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/wal/testing.h"
#include "tools/inspect/wal_commands.h"
#include "wal/posix_file_system.h"

namespace baton::inspect {
namespace {

using ::testing::HasSubstr;

class InspectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/baton-inspect-XXXXXX";
    data_ = ::mkdtemp(path);
    wal::Options options = wal::SmallOptions();
    log_ = *wal::Wal::Open(&fs_, data_ + "/wal", wal::kIdentity, options);
    wal::Write(log_.wal.get(), {wal::State("s"), wal::Entry(1, 1, "one")});
    wal::Write(log_.wal.get(), {wal::Entry(2, 1, "two")});
    wal::Write(log_.wal.get(), {wal::Entry(3, 2, "three")});
  }
  void TearDown() override { std::filesystem::remove_all(data_); }

  int Run(int (*command)(const std::string&, const Output&), const std::string& directory,
          bool json) {
    out_.str("");
    err_.str("");
    return command(directory, {&out_, &err_, json});
  }

  // Changes a byte of the first segment.
  void Damage(uint64_t offset) {
    auto file = *fs_.Open(data_ + "/wal/" + wal::SegmentFileName(1));
    std::string byte;
    ASSERT_TRUE(file->ReadAt(offset, 1, &byte).ok());
    byte[0] = static_cast<char>(~byte[0]);
    ASSERT_TRUE(file->WriteAt(offset, byte).ok());
  }

  std::string data_;
  wal::PosixFileSystem fs_;
  wal::Wal::Opened log_;  // stays open: the tool works beside a running node
  std::ostringstream out_, err_;
};

TEST_F(InspectTest, DumpsEveryFrameAsOneObjectALine) {
  ASSERT_EQ(Run(DumpWal, data_, true), 0);
  std::vector<nlohmann::json> lines;
  std::istringstream text(out_.str());
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0]["type"], "state");
  EXPECT_EQ(lines[3]["slot"], 3);
  EXPECT_EQ(lines[3]["born"], "2.1");
  EXPECT_EQ(lines[3]["hash_ok"], true);
  EXPECT_EQ(lines[4]["result"], "ok");
  EXPECT_EQ(lines[4]["groups"][0]["last"], 3);
}

TEST_F(InspectTest, FindsTheLogOfANodeOfALocalCluster) {
  const std::string node = data_ + "/n1";
  std::filesystem::create_directories(node + "/data");
  std::filesystem::rename(data_ + "/wal", node + "/data/wal");
  EXPECT_EQ(Run(VerifyWal, node, false), 0);
  EXPECT_THAT(out_.str(), HasSubstr("group 1: slots 1 to 3"));
  EXPECT_EQ(Run(DumpWal, node, true), 0);
  EXPECT_EQ(Run(VerifyWal, data_, false), 3);
  EXPECT_THAT(err_.str(), HasSubstr("give a node's data directory"));
  std::filesystem::rename(node + "/data/wal", data_ + "/wal");
}

TEST_F(InspectTest, VerifiesAWholeLogThroughEitherDirectory) {
  EXPECT_EQ(Run(VerifyWal, data_, false), 0);
  EXPECT_THAT(out_.str(), HasSubstr("group 1: slots 1 to 3"));
  EXPECT_THAT(out_.str(), HasSubstr("\nok\n"));
  EXPECT_EQ(Run(VerifyWal, data_ + "/wal", false), 0);
}

TEST_F(InspectTest, TellsATornTailFromAFault) {
  const uint32_t second = 512 + 80 + 88;  // behind the state and the first entry
  const uint32_t third = second + 88;
  Damage(third + 80);
  EXPECT_EQ(Run(VerifyWal, data_, false), 0);
  EXPECT_THAT(out_.str(), HasSubstr("torn tail of 88 bytes"));
  Damage(second + 75);
  EXPECT_EQ(Run(VerifyWal, data_, false), 1);
  EXPECT_THAT(out_.str(), HasSubstr("fault at slot 2 of group 1"));
  EXPECT_EQ(Run(VerifyWal, data_, true), 1);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["fault"]["slot"], 2);
  EXPECT_EQ(Run(DumpWal, data_, false), 1);
  EXPECT_THAT(out_.str(), HasSubstr("HASH DOES NOT MATCH"));
}

TEST_F(InspectTest, ADirectoryWithoutALogIsNotFound) {
  EXPECT_EQ(Run(VerifyWal, "/tmp/no-such-directory", false), 3);
  EXPECT_THAT(err_.str(), HasSubstr("no log in /tmp/no-such-directory"));
  EXPECT_EQ(Run(DumpWal, "/tmp", true), 3);
}

}  // namespace
}  // namespace baton::inspect
