// Crashes at random points against a model: everything synced survives; of the rest a prefix, in
// order, and nothing else; and what was cut never comes back.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/wal/testing.h"

namespace baton::wal {
namespace {

// What the log of one group should hold.
struct Content {
  std::string state;
  EntryId base;
  std::map<uint64_t, std::pair<EntryId, std::string>> entries;

  Slot last() const { return entries.empty() ? base.slot : Slot{entries.rbegin()->first}; }
  friend bool operator==(const Content&, const Content&) = default;
};
using Model = std::map<GroupId, Content>;

void Apply(const Record& record, Model* model) {
  if (const auto* entry = std::get_if<EntryRecord>(&record)) {
    Content& content = (*model)[entry->group];
    content.entries.erase(content.entries.lower_bound(entry->id.slot.value), content.entries.end());
    content.entries[entry->id.slot.value] = {entry->id, BodyOf(*entry)};
  } else if (const auto* state = std::get_if<StateRecord>(&record)) {
    (*model)[state->group].state = state->bytes;
  } else {
    const auto& base = std::get<BaseRecord>(record);
    Content& content = (*model)[base.group];
    if (base.anew) content.entries.clear();
    if (base.base.slot <= content.base.slot && !base.anew) return;
    content.base = base.base;
    content.entries.erase(content.entries.begin(),
                          content.entries.upper_bound(base.base.slot.value));
  }
}

Model ReadModel(const Wal::Opened& log) {
  Model model;
  for (const RecoveredGroup& group : log.recovery.groups) {
    Content& content = model[group.group];
    content.state = group.state;
    content.base = group.base;
    size_t run = 0;
    for (Slot slot = group.base.slot.Next(); slot <= group.last; slot = slot.Next()) {
      while (run + 1 < group.runs.size() && group.runs[run + 1].first <= slot) ++run;
      auto entries = log.wal->Read(group.group, slot, slot, 1);
      if (!entries.ok()) {
        ADD_FAILURE() << entries.status();
        return model;
      }
      const EntryRecord& entry = entries->front();
      EXPECT_EQ(entry.id.born, group.runs[run].born);
      content.entries[slot.value] = {entry.id, BodyOf(entry)};
    }
  }
  return model;
}

class CrashRun {
 public:
  explicit CrashRun(uint64_t seed) : random_(seed) {}

  void Run() {
    Reopen();
    for (int step = 0; step < 250 && !::testing::Test::HasFailure(); ++step) Step();
    Crash();
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  void Step() {
    const uint64_t dice = Below(100);
    if (dice < 45) {
      Append();
    } else if (dice < 70) {
      const size_t count = unsynced_.size();
      if (log_.wal->Sync().ok()) {
        Advance(count);
      }
    } else if (dice < 80) {
      (void)log_.wal->MarkSynced();
    } else if (dice < 92) {
      (void)log_.wal->PrepareSegments();
    } else if (dice < 97) {
      fs_.CutPowerAfter(static_cast<int64_t>(Below(6)));
    } else {
      Crash();
    }
  }

  void Append() {
    std::vector<Record> records;
    for (uint64_t i = 1 + Below(5); i > 0; --i) {
      records.push_back(MakeRecord());
      Apply(records.back(), &appended_);
    }
    for (const Record& record : records) unsynced_.push_back(record);
    (void)log_.wal->Append(records);  // after a power cut some prefix of it may still be there
    if (log_.wal->RoomBytes() == 0 && Below(4) == 0) Crash();
  }

  Record MakeRecord() {
    const GroupId group{1 + static_cast<uint32_t>(Below(2))};
    const Content& content = appended_[group];
    const uint64_t dice = Below(10);
    if (dice == 0) return StateRecord{group, "state " + std::to_string(++count_)};
    if (dice <= 2) {
      const uint64_t base = content.base.slot.value;
      uint64_t to = base + Below(content.last().value - base + 1);
      if (Below(20) == 0) to = content.last().value + Below(5);
      const auto entry = content.entries.find(to);
      const EntryId id = entry != content.entries.end() ? entry->second.first
                         : to == base                   ? content.base
                                                        : EntryId{{++round_, NodeId{1}}, Slot{to}};
      return BaseRecord{group, id, /*anew=*/to > base && Below(4) == 0};
    }
    uint64_t slot = content.last().value + 1;
    if (Below(6) == 0) slot -= Below(slot - content.base.slot.value);
    if (slot <= content.last().value || Below(8) == 0) ++round_;
    const uint64_t size = Below(30) == 0 ? Below(6000) : Below(400);
    return Entry(slot, round_, std::to_string(++count_) + std::string(size, 'e'), group);
  }

  void Advance(size_t count) {
    for (size_t i = 0; i < count; ++i) Apply(unsynced_[i], &synced_);
    unsynced_.erase(unsynced_.begin(), unsynced_.begin() + static_cast<ptrdiff_t>(count));
  }

  // The power fails, or the process alone ends, in the middle of a call too: then all that was
  // written is still there, but a later power cut must not take what was found.
  void Crash() {
    if (Below(3) != 0) {
      fs_.Crash({.seed = random_(), .tear = Below(4) != 0});
    } else {
      fs_.CutPowerAfter(-1);
    }
    Reopen();
  }

  void Reopen() {
    log_ = {};
    while (true) {
      if (Below(3) == 0) fs_.CutPowerAfter(static_cast<int64_t>(Below(12)));
      auto opened = OpenLog(&fs_);
      if (opened.ok()) {
        log_ = *std::move(opened);
        break;
      }
      ASSERT_EQ(opened.status().code(), absl::StatusCode::kInternal) << opened.status();
      if (Below(3) != 0) {
        fs_.Crash({.seed = random_(), .tear = true});
      } else {
        fs_.CutPowerAfter(-1);
      }
    }
    ASSERT_FALSE(log_.recovery.fault) << log_.recovery.fault->what;
    const Model found = ReadModel(log_);
    Model candidate = synced_;
    for (size_t kept = 0;; ++kept) {
      if (Same(candidate, found)) {
        Advance(kept);
        break;
      }
      ASSERT_LT(kept, unsynced_.size()) << "what was found is no prefix of what was appended";
      Apply(unsynced_[kept], &candidate);
    }
    // What was found is on disk, and all that is left.
    unsynced_.clear();
    appended_ = synced_;
  }

  static bool Same(const Model& a, const Model& b) {
    for (uint32_t group : {1, 2}) {
      const auto in_a = a.find(GroupId{group});
      const auto in_b = b.find(GroupId{group});
      if ((in_a == a.end() ? Content() : in_a->second) !=
          (in_b == b.end() ? Content() : in_b->second)) {
        return false;
      }
    }
    return true;
  }

  std::mt19937_64 random_;
  MemoryFileSystem fs_;
  Wal::Opened log_;
  Model synced_;  // surely on disk
  std::vector<Record> unsynced_;
  Model appended_;  // synced_ and then unsynced_
  uint64_t round_ = 1;
  uint64_t count_ = 0;
};

TEST(CrashTest, WhatIsSyncedSurvivesAndNothingElseAppears) {
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CrashRun(seed).Run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace baton::wal
