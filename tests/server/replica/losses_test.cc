// What is dropped is kept in files until its fate is known.
#include "server/replica/losses.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/state/apply.h"
#include "engine/storage/memory_engine.h"
#include "server/codec/stored_rows.h"
#include "server/replica/reign_rows.h"
#include "tests/server/replica/testing.h"
#include "wal/memory_file_system.h"

namespace baton::server {
namespace {

constexpr char kDirectory[] = "/dropped";

class DroppedEntriesTest : public ::testing::Test {
 protected:
  std::unique_ptr<DroppedEntries> Open() {
    auto opened = DroppedEntries::Open(&fs_, kDirectory);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  void Append(uint64_t last) {
    for (uint64_t slot = 1; slot <= last; ++slot) {
      ASSERT_TRUE(wal_.Append(std::vector<wal::Record>{RecordOf(slot)}).ok());
    }
  }
  // Slots of all entries kept, file by file.
  std::vector<uint64_t> Slots(DroppedEntries* dropped) {
    std::vector<uint64_t> slots;
    const auto names = dropped->List();
    EXPECT_TRUE(names.ok());
    for (const std::string& name : *names) {
      const auto entries = dropped->Read(name);
      EXPECT_TRUE(entries.ok()) << entries.status();
      for (const std::string& entry : *entries) {
        slots.push_back(DecodeEntry(entry, EntryHash::kVerify)->id.slot.value);
      }
    }
    return slots;
  }

  wal::MemoryFileSystem fs_;
  FakeWal wal_;
};

TEST_F(DroppedEntriesTest, WhatIsKeptOutlivesAPowerCut) {
  Append(7);
  auto dropped = Open();
  EXPECT_TRUE(dropped->empty());
  ASSERT_TRUE(dropped->Keep(wal_, Slot{3}).ok());
  fs_.Crash({.seed = 1, .tear = true});
  dropped = Open();
  EXPECT_FALSE(dropped->empty());
  EXPECT_EQ(Slots(dropped.get()), (std::vector<uint64_t>{3, 4, 5, 6, 7}));
  ASSERT_TRUE(dropped->Keep(wal_, Slot{6}).ok()) << "numbers go on";
  EXPECT_EQ(Slots(dropped.get()), (std::vector<uint64_t>{3, 4, 5, 6, 7, 6, 7}));
}

TEST_F(DroppedEntriesTest, NothingIsKeptOfNothing) {
  Append(2);
  auto dropped = Open();
  ASSERT_TRUE(dropped->Keep(wal_, Slot{3}).ok());
  EXPECT_TRUE(dropped->empty());
}

TEST_F(DroppedEntriesTest, AfterAFullDiskItGoesOnWhereItStood) {
  Append(7);
  auto dropped = Open();
  fs_.SetCapacity(200);  // a file or two
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(dropped->Keep(wal_, Slot{2}).code(), absl::StatusCode::kResourceExhausted);
  }
  const size_t kept = Slots(dropped.get()).size();
  EXPECT_GT(kept, 0u);
  EXPECT_LT(kept, 6u);
  fs_.SetCapacity(1 << 20);
  ASSERT_TRUE(dropped->Keep(wal_, Slot{2}).ok());
  EXPECT_EQ(Slots(dropped.get()), (std::vector<uint64_t>{2, 3, 4, 5, 6, 7}));
  ASSERT_TRUE(dropped->Keep(wal_, Slot{2}).ok()) << "another drop of the same slots";
  EXPECT_EQ(Slots(dropped.get()).size(), 12u);
}

TEST_F(DroppedEntriesTest, WhatIsRemovedIsGone) {
  Append(2);
  auto dropped = Open();
  ASSERT_TRUE(dropped->Keep(wal_, Slot{1}).ok());
  const auto names = dropped->List();
  for (const std::string& name : *names) ASSERT_TRUE(dropped->Remove(name).ok());
  EXPECT_TRUE(dropped->empty());
  fs_.Crash({.seed = 1, .tear = false});
  EXPECT_TRUE(Open()->empty());
}

TEST_F(DroppedEntriesTest, ADamagedFileIsToldAndLeft) {
  Append(2);
  auto dropped = Open();
  ASSERT_TRUE(dropped->Keep(wal_, Slot{1}).ok());
  const std::string path = std::string(kDirectory) + "/" + dropped->List()->front();
  std::string bytes = *wal::ReadWholeFile(&fs_, path);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(wal::WriteFileAtomically(&fs_, path, bytes).ok());
  EXPECT_EQ(dropped->Read(dropped->List()->front()).status().code(), absl::StatusCode::kDataLoss);
}

class FateTest : public ::testing::Test {
 protected:
  void Reigns(const std::vector<std::pair<Ballot, uint64_t>>& reigns, uint64_t applied) {
    engine::Catalog catalog;
    engine::Sessions sessions;
    engine::BatchApplier applier(&engine_, &catalog, &sessions);
    engine::EffectsWriter writer(Revision{1});
    writer.BeginRequest();
    for (const auto& [ballot, slot] : reigns) {
      ReignRow row;
      row.reign.ballot = ballot;
      row.slot = Slot{slot};
      writer.PutSystem(engine::SystemKey(engine::SystemTable::kReigns, ReignRowSuffix(ballot)),
                       EncodeReignRow(row));
    }
    writer.EndRequest();
    ASSERT_TRUE(applier.Add(Slot{applied}, writer.bytes(), Revision{1}, 0).ok());
    ASSERT_TRUE(applier.Commit().ok());
  }
  Fate Of(const Ballot& born, uint64_t slot) {
    const engine::Overlay none;
    const engine::View view(engine_, none, Slot{});
    return *FateOf(view, {born, Slot{slot}}, engine::ReadTier::kAny);
  }

  engine::MemoryEngine engine_;
};

constexpr Ballot kFirst{1, NodeId{1}}, kLost{2, NodeId{1}}, kSecond{2, NodeId{3}};

TEST_F(FateTest, AnEntryIsLostOnceALaterReignBeganBelowIt) {
  Reigns({{kFirst, 1}, {kSecond, 6}}, 8);
  EXPECT_EQ(Of(kFirst, 1), Fate::kChosen) << "the reign's own entry";
  EXPECT_EQ(Of(kFirst, 5), Fate::kChosen);
  EXPECT_EQ(Of(kFirst, 6), Fate::kLost);
  EXPECT_EQ(Of(kFirst, 90), Fate::kLost) << "though nothing is applied there yet";
  EXPECT_EQ(Of(kSecond, 8), Fate::kChosen);
  EXPECT_EQ(Of(kSecond, 9), Fate::kUndecided);
}

TEST_F(FateTest, AReignOfTheSameRoundByAnotherNodeIsAnother) {
  Reigns({{kFirst, 1}, {kSecond, 6}}, 8);
  EXPECT_EQ(Of(kLost, 5), Fate::kLost) << "it never began";
  EXPECT_EQ(Of(kLost, 7), Fate::kLost);
}

TEST_F(FateTest, ANewerReignThanThoseAppliedIsUndecided) {
  Reigns({{kFirst, 1}}, 4);
  EXPECT_EQ(Of(kSecond, 5), Fate::kUndecided);
  EXPECT_EQ(Of(kSecond, 4), Fate::kLost) << "another's is applied there";
}

}  // namespace
}  // namespace baton::server
