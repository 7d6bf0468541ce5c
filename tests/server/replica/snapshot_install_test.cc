// Install by itself, where what came before it did not end well.
#include "server/replica/snapshot_install.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "engine/storage/memory_engine.h"
#include "tests/server/replica/testing.h"
#include "wal/memory_file_system.h"

namespace baton::server {
namespace {

constexpr char kSnapshots[] = "/snapshots";
constexpr char kLog[] = "/wal";
constexpr int64_t kForGood = 1'000'000;  // changes of names and syncs

// A member whose state has nothing yet, and the image of a state beside it.
struct Member {
  wal::MemoryFileSystem fs;
  engine::MemoryEngine engine;
  wal::EntryRecord last = RecordOf(9);
  SnapshotIntent intent;

  Member() {
    BATON_CHECK(fs.MakeDirectory(kSnapshots).ok());
    intent.prev = {last.id.born, last.id.slot.Prev()};
    intent.last = last.id;
    intent.entry = last.bytes;
    intent.hard_state.promised = last.id.born;
    intent.hard_state.configurations = consensus::Configurations(
        {{EntryId{}, {Epoch{1}, {{NodeId{1}, consensus::Role::kVoter, ""}}, {}}}});
    auto batch = engine.NewBatch();
    batch->Put("k", "v");
    BATON_CHECK(engine.Apply(std::move(batch), last.id.slot).ok());
    BATON_CHECK(engine.Checkpoint(IncomingImage(kSnapshots)).ok());
    engine.LoseUnflushed();
    Open();
  }
  wal::Wal::Opened Open() {
    auto opened = wal::Wal::Open(&fs, kLog, wal::Identity{Id128{1, 1}, NodeId{1}, Id128{2, 1}},
                                 {.segment_bytes = 64 << 10, .zero_fill_bytes_per_s = 0});
    BATON_CHECK(opened.ok()) << std::string(opened.status().message());
    return *std::move(opened);
  }
  // Noted in the page cache, and not on the disk: the last part of it fails.
  void NoteAlmost() {
    for (int64_t changes = 0;; ++changes) {
      fs.CutPowerAfter(changes);
      const bool noted = NoteIntent(&fs, kSnapshots, intent).ok();
      fs.CutPowerAfter(kForGood);
      BATON_CHECK(!noted) << "it could not be made to fail in the end";
      if (Noted()) return;
    }
  }
  bool Noted() { return ReadIntent(&fs, kSnapshots)->has_value(); }
};

// Seed 50449 at 4c691be: a node installed what was noted and not synced, lost its power with the
// state replaced and the log not, and had nothing that said so.
TEST(SnapshotInstallTest, ANoteThatWasNotSyncedIsSyncedBeforeAnythingIsReplaced) {
  bool whole = false;
  for (int64_t cut = 0; !whole; ++cut) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      SCOPED_TRACE("cut after " + std::to_string(cut) + ", seed " + std::to_string(seed));
      Member member;
      member.NoteAlmost();
      wal::Wal::Opened opened = member.Open();
      member.fs.CutPowerAfter(cut);
      whole = Install(&member.fs, kSnapshots, member.intent, opened.recovery, opened.wal.get(),
                      &member.engine, nullptr)
                  .ok();
      opened.wal.reset();
      member.fs.Crash({.seed = seed, .tear = true});
      const wal::Recovery found = member.Open().recovery;
      const bool replaced = member.engine.applied() == member.last.id.slot;
      const bool begun = !found.groups.empty() && found.groups[0].last == member.last.id.slot;
      EXPECT_TRUE(!replaced || begun || member.Noted());
    }
  }
}

}  // namespace
}  // namespace baton::server
