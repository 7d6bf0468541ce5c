#include "wal/recovery.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/coding.h"

namespace baton::wal {
namespace {

// One file named like a segment.
struct Candidate {
  uint32_t number = 0;
  Segment segment;
  std::string damage;         // empty: usable
  bool header_known = false;  // segment.header was read, not derived
};

absl::Status CheckIdentity(const Identity& found, const Identity& expected,
                           const std::string& path) {
  std::string what;
  if (found.cluster != expected.cluster) {
    what =
        absl::StrCat("cluster ", ToString(found.cluster), ", not of ", ToString(expected.cluster));
  } else if (found.node != expected.node) {
    what = absl::StrCat("node ", found.node.value, ", not of ", expected.node.value);
  } else if (found.directory != expected.directory) {
    what = absl::StrCat("data directory ", ToString(found.directory), ", not of ",
                        ToString(expected.directory));
  } else {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path, " belongs to the log of ", what,
                   ": give this node its own data directory back, or an empty one"));
}

class Scanner {
 public:
  Scanner(FileSystem* fs, const std::string& directory, const Identity* expected,
          const FrameVisitor& visitor)
      : fs_(fs), directory_(directory), visitor_(visitor) {
    if (expected != nullptr) identity_ = *expected;
  }

  absl::StatusOr<LogScan> Run() {
    if (auto status = FindCandidates(); !status.ok()) return status;
    if (auto status = ScanUpTo({UINT32_MAX, UINT32_MAX}); !status.ok()) return status;
    // A payload that does not match its hash was never synced unless a frame states that it was:
    // then the log is cut before it, like before a damaged header.
    visitor_ = nullptr;
    const auto torn = std::find_if(damaged_.begin(), damaged_.end(),
                                   [&](const Damaged& d) { return d.at >= scan_.synced; });
    if (torn != damaged_.end()) {
      const LogPosition limit = torn->at;
      if (auto status = ScanUpTo(limit); !status.ok()) return status;
    }
    Judge();
    Finish();
    return std::move(scan_);
  }

 private:
  struct Damaged {
    LogPosition at;
    FrameHeader header;
  };

  absl::Status FindCandidates() {
    auto names = fs_->List(directory_);
    if (!names.ok()) return names.status();
    std::vector<uint32_t> numbers;
    for (const std::string& name : *names) {
      if (const auto number = ParseSegmentFileName(name)) numbers.push_back(*number);
    }
    std::sort(numbers.begin(), numbers.end());
    for (uint32_t number : numbers) {
      if (auto status = AddCandidate(number); !status.ok()) return status;
    }
    // Frames can be recognized under a damaged header: the seed follows from identity and number.
    for (Candidate& c : candidates_) {
      if (c.header_known || !identity_) continue;
      c.segment.header = {*identity_, c.number, c.segment.file_bytes,
                          SegmentSeed(*identity_, c.number)};
    }
    return absl::OkStatus();
  }

  absl::Status AddCandidate(uint32_t number) {
    Candidate c;
    c.number = number;
    c.segment.path = absl::StrCat(directory_, "/", SegmentFileName(number));
    auto file = fs_->Open(c.segment.path);
    if (!file.ok()) return file.status();
    c.segment.file = *std::move(file);
    auto size = c.segment.file->Size();
    if (!size.ok()) return size.status();
    c.segment.file_bytes = *size;
    std::string bytes;
    if (auto s = c.segment.file->ReadAt(0, kSegmentHeaderBytes, &bytes); !s.ok()) return s;
    auto header = DecodeSegmentHeader(bytes);
    if (absl::IsFailedPrecondition(header.status())) {
      return absl::FailedPreconditionError(absl::StrCat(
          c.segment.path, " cannot be read: ", std::string(header.status().message())));
    }
    if (!header.ok()) {
      c.damage = std::string(header.status().message());
    } else {
      if (!identity_) identity_ = header->identity;
      if (auto s = CheckIdentity(header->identity, *identity_, c.segment.path); !s.ok()) return s;
      c.segment.header = *header;
      c.header_known = true;
      if (header->number != number) {
        c.damage = absl::StrCat("it holds segment ", header->number);
      } else if (*size < header->segment_bytes) {
        c.damage =
            absl::StrCat("it is truncated to ", *size, " of ", header->segment_bytes, " bytes");
      }
    }
    candidates_.push_back(std::move(c));
    return absl::OkStatus();
  }

  // Follows the chain from the first segment until it ends or reaches `limit`, then looks for
  // frames behind its end.
  absl::Status ScanUpTo(LogPosition limit) {
    const LogPosition synced = scan_.synced;
    scan_ = LogScan();
    scan_.synced = synced;
    damaged_.clear();
    state_at_.clear();
    impossible_.reset();
    first_behind_.reset();
    chain_ = 0;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (!candidates_[i].damage.empty()) break;
      if (i > 0 && candidates_[i].number != candidates_[i - 1].number + 1) break;
      auto followed = FollowChain(i, limit);
      if (!followed.ok()) return followed.status();
      if (!*followed) break;
      if (impossible_ || scan_.end == limit) break;
    }
    if (chain_ == 0 && !candidates_.empty()) {
      scan_.end = scan_.data_end = {candidates_[0].number, kSegmentHeaderBytes};
    }
    return LookBehind();
  }

  // Reads the frames of candidate `i`. Returns whether at least one continues the chain.
  absl::StatusOr<bool> FollowChain(size_t i, LogPosition limit) {
    Segment& segment = candidates_[i].segment;
    segment.highest.clear();
    RecordReader reader(segment.file.get(), segment.header.number, segment.header.seed);
    uint32_t offset = kSegmentHeaderBytes;
    while (true) {
      const LogPosition at{segment.header.number, offset};
      if (at >= limit) break;
      auto frame = reader.ReadFrame(offset);
      if (!frame.ok()) return frame.status();
      if (!*frame) break;
      const FrameHeader& header = (*frame)->header;
      // What lay before a log's first segment is gone, and with it the first link.
      const bool first_of_all = i == 0 && offset == kSegmentHeaderBytes;
      if (!first_of_all && header.previous != scan_.previous) break;
      if (!header.Known()) return Newer(**frame);
      if (visitor_) visitor_(**frame);
      chain_ = i + 1;
      scan_.previous = header.checksum;
      scan_.end = {segment.header.number, (*frame)->end};
      if (!header.Is(FrameType::kSynced)) scan_.data_end = scan_.end;
      scan_.stated = std::max(scan_.stated, header.synced);
      scan_.synced = std::max(scan_.synced, header.synced);
      offset = (*frame)->end;
      if (!Take(**frame, i, &segment)) {
        impossible_ =
            Fault{header.group, header.id.slot,
                  absl::StrCat(ToString(at), ": a frame that cannot follow those before")};
        break;
      }
    }
    return chain_ == i + 1;
  }

  static absl::Status Newer(const Frame& frame) {
    return absl::FailedPreconditionError(
        absl::StrCat(ToString(frame.at), ", slot ", frame.header.id.slot.value, ": frame type ",
                     int{frame.header.type}, " with flags ", int{frame.header.flags},
                     " is not known to this program: run the version of Baton that wrote it"));
  }

  // Adds what a frame says. False if it contradicts the frames before it.
  bool Take(const Frame& frame, size_t i, Segment* segment) {
    const FrameHeader& header = frame.header;
    if (!frame.payload_ok) damaged_.push_back({frame.at, header});
    if (header.Is(FrameType::kSynced)) return true;
    if (header.id.slot > kSlotMax) return false;
    ScannedGroup& group = scan_.groups[header.group];
    switch (static_cast<FrameType>(header.type)) {
      case FrameType::kState:
        if (frame.payload_ok) {
          group.state = std::string(frame.payload);
          state_at_[header.group] = frame.at;
        }
        return true;
      case FrameType::kBase:
        return TakeBase(frame, i == 0, &group.index);
      case FrameType::kEntry: {
        if (header.id.slot <= group.index.base().slot) return false;
        Slot& highest = segment->highest[header.group];
        highest = std::max(highest, header.id.slot);
        group.index.AddEntry(header.id, {frame.at.segment, frame.at.offset, header.payload_bytes});
        return true;
      }
      case FrameType::kSynced:
        break;
    }
    return true;
  }

  // A restated base also says how far the log reached: what is missing before the first segment
  // shows.
  bool TakeBase(const Frame& frame, bool first_segment, GroupIndex* index) {
    const bool restated = (frame.header.flags & kRestated) != 0;
    if (frame.payload_ok) {
      if (frame.payload.size() != (restated ? 8 : 0)) return false;
      const Slot last{restated ? LoadFixed64(frame.payload.data()) : 0};
      if (last > kSlotMax) return false;
      if (restated && first_segment && index->empty()) index->AssumeLast(last);
    }
    const bool anew = (frame.header.flags & kAnew) != 0;
    anew ? index->BeginAt(frame.header.id) : index->SetBase(frame.header.id);
    return true;
  }

  // Looks behind the chain's end for frames that are whole by themselves: how far a torn tail
  // reaches, and whether one of them states that what is missing was on disk.
  absl::Status LookBehind() {
    for (size_t i = chain_ == 0 ? 0 : chain_ - 1; i < candidates_.size(); ++i) {
      Candidate& c = candidates_[i];
      const bool in_last = c.number == scan_.end.segment;
      const uint32_t from = in_last ? scan_.end.offset : kSegmentHeaderBytes;
      RecordReader reader(c.segment.file.get(), c.number, c.segment.header.seed);
      auto torn_end = reader.TornFrameEnd(from);
      if (!torn_end.ok()) return torn_end.status();
      uint32_t behind = *torn_end;
      auto status = reader.FindHeaders(from, [&](uint32_t offset, const FrameHeader& header) {
        scan_.synced = std::max(scan_.synced, header.synced);
        const uint64_t end = std::min({offset + FrameBytes(header.payload_bytes),
                                       c.segment.file_bytes, uint64_t{UINT32_MAX}});
        behind = std::max(behind, static_cast<uint32_t>(end));
        if (header.Is(FrameType::kEntry)) NoteBehind(header);
      });
      if (!status.ok()) return status;
      if (in_last) scan_.torn_end = behind;
      if (!in_last && behind > from && !scan_.remove_from) scan_.remove_from = c.number;
      scan_.torn_bytes += behind - from;
    }
    return absl::OkStatus();
  }

  void NoteBehind(const FrameHeader& header) {
    if (!first_behind_ || header.id.slot < first_behind_->second) {
      first_behind_ = {header.group, header.id.slot};
    }
  }

  // Decides whether the log can be trusted. The first reason found in the order of the log counts.
  void Judge() {
    for (const Damaged& d : damaged_) {
      if (d.at < scan_.synced && Lives(d)) {
        const bool entry = d.header.Is(FrameType::kEntry);
        scan_.fault = Fault{d.header.group, entry ? d.header.id.slot : Slot{0},
                            absl::StrCat(ToString(d.at), ": the payload of a synced ",
                                         std::string(Name(FrameType{d.header.type})),
                                         " frame does not match its hash")};
        return;
      }
    }
    if (impossible_) {
      scan_.fault = impossible_;
      return;
    }
    JudgeFiles();
    if (scan_.fault) return;
    if (scan_.synced > scan_.end) {
      FaultAtEnd(absl::StrCat(ToString(scan_.end), ": damaged, though synced up to ",
                              ToString(scan_.synced)));
      return;
    }
    for (const auto& [id, group] : scan_.groups) {
      if (group.index.Complete()) continue;
      scan_.fault = Fault{
          id, group.index.base().slot.Next(),
          absl::StrCat("entries from slot ", group.index.base().slot.value + 1,
                       " on are missing: a segment below ", candidates_[0].number, " is gone")};
      return;
    }
  }

  // Missing, damaged or truncated files. Segments are whole and synced before they get their name,
  // so none of this is a torn tail; only a damaged header with no frame behind it loses nothing.
  void JudgeFiles() {
    for (size_t i = 0; i < candidates_.size(); ++i) {
      const Candidate& c = candidates_[i];
      if (i > 0 && c.number != candidates_[i - 1].number + 1) {
        return FaultAtEnd(absl::StrCat("segment ", candidates_[i - 1].number + 1, " is missing"));
      }
      const bool empty = i >= chain_ && i > 0 && !scan_.remove_from;
      if (!c.damage.empty() && (c.header_known || !empty)) {
        return FaultAtEnd(absl::StrCat(c.segment.path, ": ", c.damage));
      }
    }
    if (chain_ == 0 && !candidates_.empty() && candidates_[0].number != 1) {
      FaultAtEnd(absl::StrCat("segment ", candidates_[0].number,
                              " holds nothing readable and what "
                              "lay before it is gone"));
    }
  }

  // Whether a damaged frame still matters.
  bool Lives(const Damaged& d) const {
    if (d.header.Is(FrameType::kState)) {
      const auto newest = state_at_.find(d.header.group);
      return newest == state_at_.end() || newest->second < d.at;
    }
    if (!d.header.Is(FrameType::kEntry)) return true;
    const auto group = scan_.groups.find(d.header.group);
    if (group == scan_.groups.end()) return false;
    const auto location = group->second.index.Find(d.header.id.slot);
    return location && LogPosition{location->segment, location->offset} == d.at;
  }

  // Nothing behind the chain's end is known: name the slot that would follow.
  void FaultAtEnd(std::string what) {
    Fault fault{kFirstGroup, Slot{0}, std::move(what)};
    if (first_behind_) {
      fault.group = first_behind_->first;
      fault.slot = first_behind_->second;
    } else if (!scan_.groups.empty()) {
      fault.group = scan_.groups.begin()->first;
    }
    if (const auto group = scan_.groups.find(fault.group); group != scan_.groups.end()) {
      const Slot next = group->second.index.last().Next();
      fault.slot = fault.slot == Slot{0} ? next : std::min(fault.slot, next);
    }
    scan_.fault = std::move(fault);
  }

  void Finish() {
    scan_.used = chain_ == 0 ? std::min<size_t>(1, candidates_.size()) : chain_;
    for (Candidate& c : candidates_) {
      if (!c.damage.empty() && !scan_.fault && !scan_.remove_from) scan_.remove_from = c.number;
      scan_.segments.push_back(std::move(c.segment));
    }
    if (scan_.fault) scan_.torn_bytes = 0;
  }

  FileSystem* const fs_;
  const std::string directory_;
  FrameVisitor visitor_;
  std::optional<Identity> identity_;  // as expected, or as the first whole header says

  std::vector<Candidate> candidates_;  // ascending by number
  LogScan scan_;
  size_t chain_ = 0;              // candidates that hold a frame of the chain: [0, chain_)
  std::vector<Damaged> damaged_;  // frames of the chain, in its order
  std::map<GroupId, LogPosition> state_at_;  // newest whole State frame of the chain
  std::optional<Fault> impossible_;
  std::optional<std::pair<GroupId, Slot>> first_behind_;
};

}  // namespace

absl::StatusOr<LogScan> ScanLog(FileSystem* fs, const std::string& directory,
                                const Identity* expected, const FrameVisitor& visitor) {
  return Scanner(fs, directory, expected, visitor).Run();
}

}  // namespace baton::wal
