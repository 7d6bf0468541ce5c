#include "consensus/log_window.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::consensus {

LogWindow::LogWindow(EntryId base, Slot last, std::vector<BornRun> runs)
    : base_(base), last_(last), runs_(std::move(runs)) {
  BATON_CHECK(base_.slot <= last_) << ToString(base_) << " above " << last_.value;
  BATON_CHECK(runs_.empty() == (last_ == base_.slot)) << "runs do not cover the log";
  BATON_CHECK(runs_.empty() || runs_.front().first == base_.slot.Next()) << "runs leave a gap";
  for (size_t i = 1; i < runs_.size(); ++i) {
    BATON_CHECK(runs_[i - 1].first < runs_[i].first && runs_[i - 1].born < runs_[i].born)
        << "runs out of order at slot " << runs_[i].first.value;
  }
  BATON_CHECK(runs_.empty() || runs_.back().first <= last_) << "a run above the end";
}

EntryId LogWindow::last() const { return IdAt(last_); }

Slot LogWindow::first_cached() const { return Slot{last_.value - cached_.size() + 1}; }

EntryId LogWindow::IdAt(Slot slot) const {
  BATON_CHECK(base_.slot <= slot && slot <= last_)
      << "slot " << slot.value << " outside [" << base_.slot.value << ", " << last_.value << "]";
  if (slot == base_.slot) return base_;
  const auto above = std::upper_bound(runs_.begin(), runs_.end(), slot,
                                      [](Slot s, const BornRun& run) { return s < run.first; });
  return EntryId{std::prev(above)->born, slot};
}

bool LogWindow::Holds(const EntryId& id) const {
  return base_.slot <= id.slot && id.slot <= last_ && IdAt(id.slot) == id;
}

EntryId LogWindow::NewestAtMost(const EntryId& bound) const {
  const auto above = std::partition_point(runs_.begin(), runs_.end(), [&](const BornRun& run) {
    return run.first <= bound.slot && run.born <= bound.born;
  });
  if (above == runs_.begin()) return base_;
  const Slot run_last = above == runs_.end() ? last_ : above->first.Prev();
  return EntryId{std::prev(above)->born, std::min(run_last, bound.slot)};
}

const Entry* LogWindow::Find(Slot slot) const {
  if (slot < first_cached() || slot > last_) return nullptr;
  return &cached_[slot.value - first_cached().value];
}

std::vector<Entry> LogWindow::Take(Slot first, uint64_t bytes_max) const {
  std::vector<Entry> taken;
  uint64_t bytes = 0;
  for (Slot slot = first; const Entry* entry = Find(slot); slot = slot.Next()) {
    bytes += entry->size();
    if (!taken.empty() && bytes > bytes_max) break;
    taken.push_back(*entry);
  }
  return taken;
}

void LogWindow::Append(Entry entry) {
  BATON_CHECK(entry.bytes != nullptr && entry.id.slot == last_.Next())
      << ToString(entry.id) << " does not follow " << ToString(last());
  BATON_CHECK(last().born <= entry.id.born)
      << ToString(entry.id) << " is older than " << ToString(last());
  if (runs_.empty() || runs_.back().born != entry.id.born) {
    runs_.push_back(BornRun{entry.id.slot, entry.id.born});
  }
  last_ = entry.id.slot;
  cached_bytes_ += entry.size();
  cached_.push_back(std::move(entry));
}

void LogWindow::CutFrom(Slot first) {
  BATON_CHECK(base_.slot < first && first <= last_) << "cut at " << first.value;
  while (last_ >= first && !cached_.empty()) {
    cached_bytes_ -= cached_.back().size();
    cached_.pop_back();
    last_ = last_.Prev();
  }
  last_ = first.Prev();
  while (!runs_.empty() && runs_.back().first >= first) runs_.pop_back();
}

void LogWindow::Evict(Slot upto, uint64_t bytes_max) {
  while (cached_bytes_ > bytes_max && !cached_.empty() && cached_.front().id.slot <= upto) {
    cached_bytes_ -= cached_.front().size();
    cached_.pop_front();
  }
}

void LogWindow::TruncateTo(EntryId base) {
  BATON_CHECK(Holds(base)) << "no " << ToString(base) << " to truncate to";
  while (!cached_.empty() && cached_.front().id.slot <= base.slot) {
    cached_bytes_ -= cached_.front().size();
    cached_.pop_front();
  }
  base_ = base;
  const auto above = std::upper_bound(runs_.begin(), runs_.end(), base.slot.Next(),
                                      [](Slot s, const BornRun& run) { return s < run.first; });
  if (above != runs_.begin()) runs_.erase(runs_.begin(), std::prev(above));
  if (last_ == base_.slot) {
    runs_.clear();
  } else {
    runs_.front().first = base_.slot.Next();
  }
}

void LogWindow::Feed(Hasher* hasher) const {
  hasher->Add(base_);
  hasher->Add(last_);
  hasher->Add(uint64_t{runs_.size()});
  for (const BornRun& run : runs_) {
    hasher->Add(run.first);
    hasher->Add(run.born);
  }
  hasher->Add(uint64_t{cached_.size()});
  for (const Entry& entry : cached_) hasher->AddBytes(*entry.bytes);
}

}  // namespace baton::consensus
