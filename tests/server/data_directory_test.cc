#include "server/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/checksum.h"
#include "base/coding.h"
#include "wal/posix_file_system.h"

namespace baton::server {
namespace {

using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
  DataDirectoryTest() { std::filesystem::remove_all(path_); }
  ~DataDirectoryTest() override { std::filesystem::remove_all(path_); }

  absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& name = "n1") {
    return DataDirectory::Open(&fs_, path_, name);
  }
  std::string Message(const std::string& name = "n1") {
    const auto directory = Open(name);
    return directory.ok() ? "" : std::string(directory.status().message());
  }
  FormationRecord RecordFor(const DataDirectory& directory) {
    FormationRecord record;
    record.cluster = {0xc, 0x1};
    record.self = NodeId{2};
    record.epoch = Epoch{1};
    record.cluster_version = 1;
    record.profile = "wan";
    record.members = {{NodeId{1}, "n0", {5, 5}, "a:1", "a:2", 1},
                      {NodeId{2}, "n1", directory.id(), "b:1", "b:2", 1}};
    return record;
  }
  static FormationRecord RecoveredFrom(FormationRecord record) {
    UnsafeRecovery recovery;
    recovery.left_behind = {record.members[0]};
    recovery.last = {{7, NodeId{1}}, Slot{99}};
    recovery.actor = "ann";
    recovery.approved_by = "bob";
    recovery.reason = "a fire";
    recovery.wall_time_us = 12;
    record.epoch = Epoch{1'025};
    record.members.erase(record.members.begin());
    record.recovery = recovery;
    return record;
  }
  std::string Read(const std::string& file) {
    return *wal::ReadWholeFile(&fs_, path_ + "/" + file);
  }
  void Write(const std::string& file, const std::string& bytes) {
    ASSERT_TRUE(wal::WriteFileAtomically(&fs_, path_ + "/" + file, bytes).ok());
  }

  wal::PosixFileSystem fs_;
  const std::string path_ = testing::TempDir() + "/data_directory_test_" + std::to_string(getpid());
};

TEST_F(DataDirectoryTest, KeepsItsIdAndItsFormation) {
  Id128 id;
  {
    auto directory = Open();
    ASSERT_TRUE(directory.ok()) << directory.status();
    id = (*directory)->id();
    EXPECT_FALSE(id.IsZero());
    EXPECT_FALSE((*directory)->formation());
    ASSERT_TRUE((*directory)->StorePlan(RecordFor(**directory)).ok());
    ASSERT_TRUE((*directory)->StoreFormation(RecordFor(**directory)).ok());
  }
  auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ((*directory)->id(), id);
  const FormationRecord& record = *(*directory)->formation();
  EXPECT_EQ(record.cluster, (Id128{0xc, 0x1}));
  EXPECT_EQ(record.self, NodeId{2});
  EXPECT_EQ(record.epoch, Epoch{1});
  EXPECT_EQ(record.profile, "wan");
  ASSERT_EQ(record.members.size(), 2u);
  EXPECT_EQ(record.members[1].name, "n1");
  EXPECT_EQ(record.members[1].directory, id);
  EXPECT_EQ(record.members[1].client_address, "b:1");
  EXPECT_EQ(record.members[1].peer_address, "b:2");
  EXPECT_TRUE((*directory)->plan());
  ASSERT_TRUE((*directory)->DropPlan().ok());
  directory->reset();
  EXPECT_FALSE((*Open())->plan());
}

TEST_F(DataDirectoryTest, ASecondProcessIsRefusedWithThePidOfTheFirst) {
  auto first = Open();
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(Message(), HasSubstr("in use by process " + std::to_string(getpid())));
  first->reset();
  EXPECT_EQ(Message(), "");
}

TEST_F(DataDirectoryTest, AnotherNodesDirectoryIsRefused) {
  ASSERT_TRUE(Open("n1").ok());
  const std::string message = Message("n2");
  EXPECT_THAT(message, HasSubstr("belongs to node \"n1\", not to \"n2\""));
}

TEST_F(DataDirectoryTest, AFormationOfAnotherDirectoryIsRefused) {
  {
    auto directory = Open();
    FormationRecord record = RecordFor(**directory);
    record.members[1].directory = {9, 9};
    ASSERT_TRUE((*directory)->StoreFormation(record).ok());
  }
  EXPECT_THAT(Message(), HasSubstr("files of two nodes were mixed"));
}

TEST_F(DataDirectoryTest, RemembersThatTheLogWasMade) {
  {
    auto directory = Open();
    EXPECT_FALSE((*directory)->log_made());
    ASSERT_TRUE((*directory)->NoteLogMade().ok());
    EXPECT_TRUE((*directory)->log_made());
  }
  EXPECT_TRUE((*Open())->log_made());
  const std::string note = Read("log");
  std::filesystem::remove_all(path_);
  ASSERT_TRUE(Open().ok());
  Write("log", note);
  EXPECT_THAT(Message(), HasSubstr("files of two nodes were mixed"));
}

TEST_F(DataDirectoryTest, ARecoveryTakesThePlaceOfTheFormation) {
  {
    auto directory = Open();
    const FormationRecord formed = RecordFor(**directory);
    ASSERT_TRUE((*directory)->StoreFormation(formed).ok());
    ASSERT_TRUE((*directory)->StoreRecovery(RecoveredFrom(formed)).ok());
  }
  const auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  const FormationRecord& record = *(*directory)->formation();
  EXPECT_EQ(record.epoch, Epoch{1'025});
  ASSERT_EQ(record.members.size(), 1u);
  EXPECT_EQ(record.recovery, RecoveredFrom(RecordFor(**directory)).recovery);
}

TEST_F(DataDirectoryTest, EveryFlippedByteOfTheRecordsIsNoticed) {
  {
    auto directory = Open();
    const FormationRecord formed = RecordFor(**directory);
    ASSERT_TRUE((*directory)->StoreFormation(formed).ok());
    ASSERT_TRUE((*directory)->NoteLogMade().ok());
    ASSERT_TRUE((*directory)->StoreRecovery(RecoveredFrom(formed)).ok());
    ASSERT_TRUE((*directory)->NoteLeftBehind("by another").ok());
  }
  for (const char* file : {"node", "formation", "log", "recovery", "behind"}) {
    const std::string good = Read(file);
    for (size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 0x40);
      Write(file, bad);
      EXPECT_THAT(Message(), HasSubstr("is damaged")) << file << " byte " << i;
    }
    for (const size_t size : {size_t{0}, size_t{7}, good.size() - 1}) {
      Write(file, good.substr(0, size));
      EXPECT_THAT(Message(), HasSubstr("is damaged")) << file << " cut at " << size;
    }
    Write(file, good);
    EXPECT_EQ(Message(), "");
  }
}

TEST_F(DataDirectoryTest, ANewerFormatIsRefusedAsSuch) {
  ASSERT_TRUE(Open().ok());
  std::string bytes = Read("node");
  StoreFixed32(bytes.data() + 8, kStoredRecordVersion + 1);
  StoreFixed64(bytes.data() + bytes.size() - 8,
               Checksum(std::string_view(bytes).substr(0, bytes.size() - 8)));
  Write("node", bytes);
  EXPECT_THAT(Message(), HasSubstr("format version 2, this build knows 1"));
}

TEST_F(DataDirectoryTest, ALogWithoutItsOwnerIsNotTakenOver) {
  std::filesystem::create_directories(path_ + "/wal");
  std::ofstream(path_ + "/wal/segment") << "x";
  EXPECT_THAT(Message(), HasSubstr("holds a log but no file \"node\""));
}

TEST_F(DataDirectoryTest, TheBytesAreThoseOfTheManual) {
  // docs/operations.md, "Files": magic, version, length, payload, checksum.
  const std::string bytes = SealRecord("BATNNODE", "abc");
  EXPECT_EQ(bytes.substr(0, 19), std::string("BATNNODE\x01\0\0\0\x03\0\0\0abc", 19));
  EXPECT_EQ(LoadFixed64(bytes.data() + 19), Checksum(bytes.substr(0, 19)));
  EXPECT_EQ(*OpenRecord("BATNNODE", bytes, "node"), "abc");
  EXPECT_FALSE(OpenRecord("BATNPLAN", bytes, "node").ok());
}

}  // namespace
}  // namespace baton::server
