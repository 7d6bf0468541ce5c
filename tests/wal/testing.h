// What the tests of the log share: a small identity, entries with a true hash, short ways to write
// and to read back.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "wal/format.h"
#include "wal/memory_file_system.h"
#include "wal/wal.h"

namespace baton::wal {

inline const Identity kIdentity{{1, 2}, NodeId{3}, {4, 5}};
inline const std::string kDirectory = "/data/wal";
inline constexpr GroupId kGroup = kFirstGroup;

// Segments of 4 KiB that are filled without waiting.
inline Options SmallOptions() {
  Options options;
  options.segment_bytes = 4096;
  options.segments_ahead = 2;
  options.zero_fill_bytes_per_s = 0;
  return options;
}

inline EntryRecord Entry(uint64_t slot, uint64_t round, const std::string& body,
                         GroupId group = kGroup) {
  std::string bytes = body;
  PutFixed64(&bytes, Checksum(body));
  return {group, {{round, NodeId{1}}, Slot{slot}}, std::make_shared<const std::string>(bytes)};
}

inline StateRecord State(const std::string& bytes, GroupId group = kGroup) {
  return {group, bytes};
}

inline BaseRecord Base(uint64_t slot, uint64_t round, GroupId group = kGroup) {
  return {group, {{round, NodeId{1}}, Slot{slot}}};
}

inline std::string BodyOf(const EntryRecord& entry) {
  return entry.bytes->substr(0, entry.bytes->size() - 8);
}

inline std::string SegmentPath(uint32_t number) {
  return kDirectory + "/" + SegmentFileName(number);
}

inline absl::StatusOr<Wal::Opened> OpenLog(FileSystem* fs,
                                           const Options& options = SmallOptions()) {
  return Wal::Open(fs, kDirectory, kIdentity, options);
}

// Opens, or fails the test.
inline Wal::Opened MustOpen(FileSystem* fs, const Options& options = SmallOptions()) {
  auto opened = OpenLog(fs, options);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *std::move(opened) : Wal::Opened();
}

inline void Write(Wal* wal, const std::vector<Record>& records, bool sync = true) {
  ASSERT_TRUE(wal->Append(records).ok());
  if (sync) {
    ASSERT_TRUE(wal->Sync().ok());
  }
}

// "slot@round.node=body ..." of all entries of a group above its base.
inline std::string ReadAll(const Wal& wal, const RecoveredGroup& group) {
  std::string text;
  for (Slot slot = group.base.slot.Next(); slot <= group.last; slot = slot.Next()) {
    auto entries = wal.Read(group.group, slot, slot, 1);
    if (!entries.ok()) return text + std::string(entries.status().message());
    if (!text.empty()) text += ' ';
    text += ToString(entries->front().id) + "=" + BodyOf(entries->front());
  }
  return text;
}

}  // namespace baton::wal
