// Both file systems keep one contract; the one in memory also crashes as it says.
#include "wal/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/wal/testing.h"
#include "wal/posix_file_system.h"

namespace baton::wal {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      char path[] = "/tmp/baton-fs-XXXXXX";
      root_ = ::mkdtemp(path);
      fs_ = std::make_unique<PosixFileSystem>();
    } else {
      root_ = "/root";
      fs_ = std::make_unique<MemoryFileSystem>();
      ASSERT_TRUE(fs_->MakeDirectory(root_).ok());
    }
  }
  void TearDown() override {
    if (GetParam()) std::filesystem::remove_all(root_);
  }
  std::string root_;
  std::unique_ptr<FileSystem> fs_;
};

TEST_P(FileSystemTest, KeepsItsContract) {
  const std::string a = root_ + "/d/e/a";
  EXPECT_EQ(fs_->Open(a).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(fs_->Open(a).status().message()), HasSubstr(a));
  EXPECT_EQ(fs_->Create(a).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(fs_->List(root_ + "/d").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(fs_->MakeDirectory(root_ + "/d/e").ok());
  ASSERT_TRUE(fs_->MakeDirectory(root_ + "/d/e").ok());
  auto file = fs_->Create(a);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(fs_->Create(a).status().code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE((*file)->WriteAt(3, "hello").ok());
  EXPECT_EQ(*(*file)->Size(), 8u);
  std::string bytes = "rubbish";
  ASSERT_TRUE((*file)->ReadAt(0, 100, &bytes).ok());
  EXPECT_EQ(bytes, std::string("\0\0\0hello", 8));
  ASSERT_TRUE((*file)->ReadAt(4, 2, &bytes).ok());
  EXPECT_EQ(bytes, "el");
  ASSERT_TRUE((*file)->ReadAt(100, 2, &bytes).ok());
  EXPECT_EQ(bytes, "");
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE(WriteFileAtomically(fs_.get(), root_ + "/d/e/b", "one").ok());
  ASSERT_TRUE(WriteFileAtomically(fs_.get(), root_ + "/d/e/b", "two").ok());
  EXPECT_EQ(*ReadWholeFile(fs_.get(), root_ + "/d/e/b"), "two");
  EXPECT_THAT(*fs_->List(root_ + "/d/e"), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(*fs_->List(root_ + "/d"), UnorderedElementsAre("e"));
  ASSERT_TRUE(fs_->Rename(a, root_ + "/d/e/b").ok());
  EXPECT_EQ(ReadWholeFile(fs_.get(), root_ + "/d/e/b")->size(), 8u);
  EXPECT_EQ(fs_->Rename(a, root_ + "/d/e/c").code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(fs_->SyncDirectory(root_ + "/d/e").ok());
  ASSERT_TRUE(fs_->Remove(root_ + "/d/e/b").ok());
  EXPECT_EQ(fs_->Remove(root_ + "/d/e/b").code(), absl::StatusCode::kNotFound);
  EXPECT_GT(*fs_->FreeBytes(root_), 0u);
}

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Posix" : "Memory"; });

TEST(ReadOnlyPosixFileSystemTest, ChangesNothing) {
  char path[] = "/tmp/baton-fs-XXXXXX";
  const std::string root = ::mkdtemp(path);
  PosixFileSystem writer;
  ASSERT_TRUE(WriteFileAtomically(&writer, root + "/a", "bytes").ok());
  ReadOnlyPosixFileSystem fs;
  EXPECT_EQ(*ReadWholeFile(&fs, root + "/a"), "bytes");
  EXPECT_FALSE((*fs.Open(root + "/a"))->WriteAt(0, "x").ok());
  EXPECT_FALSE(fs.Create(root + "/b").ok());
  EXPECT_FALSE(fs.Remove(root + "/a").ok());
  EXPECT_FALSE(fs.Rename(root + "/a", root + "/b").ok());
  EXPECT_EQ(*ReadWholeFile(&writer, root + "/a"), "bytes");
  std::filesystem::remove_all(root);
}

TEST(MemoryFileSystemTest, ACrashKeepsWhatWasSynced) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.MakeDirectory("/d").ok());
  auto kept = *fs.Create("/d/kept");
  ASSERT_TRUE(kept->WriteAt(0, "synced").ok() && kept->Sync().ok());
  ASSERT_TRUE(kept->WriteAt(0, "SYNCED").ok());
  ASSERT_TRUE(fs.SyncDirectory("/d").ok());
  auto lost = *fs.Create("/d/lost");
  ASSERT_TRUE(lost->Sync().ok());
  EXPECT_EQ(*ReadWholeFile(&fs, "/d/kept"), "SYNCED");
  fs.Crash({});
  EXPECT_EQ(*ReadWholeFile(&fs, "/d/kept"), "synced");
  EXPECT_THAT(*fs.List("/d"), UnorderedElementsAre("kept"));
  EXPECT_FALSE(kept->WriteAt(0, "x").ok()) << "files of the life before are gone";
}

TEST(MemoryFileSystemTest, ATornCrashKeepsSomeSectorsOfTheRest) {
  bool whole = false, none = false, mixed = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFileSystem fs;
    ASSERT_TRUE(fs.MakeDirectory("/d").ok());
    auto file = *fs.Create("/d/f");
    ASSERT_TRUE(file->WriteAt(0, std::string(1024, 'a')).ok() && file->Sync().ok());
    ASSERT_TRUE(fs.SyncDirectory("/d").ok());
    ASSERT_TRUE(file->WriteAt(0, std::string(1024, 'b')).ok());
    fs.Crash({.seed = seed, .tear = true});
    const std::string left = *ReadWholeFile(&fs, "/d/f");
    ASSERT_EQ(left.size(), 1024u);
    ASSERT_EQ(left.substr(0, 512), std::string(512, left[0])) << "sectors are whole";
    whole |= left[0] == 'b' && left[512] == 'b';
    none |= left[0] == 'a' && left[512] == 'a';
    mixed |= left[0] != left[512];
  }
  EXPECT_TRUE(whole && none && mixed);
}

}  // namespace
}  // namespace baton::wal
