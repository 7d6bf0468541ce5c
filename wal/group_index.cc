#include "wal/group_index.h"

#include "base/check.h"

namespace baton::wal {

void GroupIndex::AddEntry(const EntryId& id, const Location& location) {
  BATON_CHECK(id.slot > base_.slot && id.slot <= kSlotMax) << "slot " << id.slot.value;
  if (id.slot < first_ || id.slot > last().Next()) {
    first_ = id.slot;
    locations_.clear();
    runs_.clear();
  } else {
    locations_.resize(id.slot.value - first_.value);
    while (!runs_.empty() && runs_.back().first >= id.slot) runs_.pop_back();
  }
  locations_.push_back(location);
  if (runs_.empty() || runs_.back().born != id.born) runs_.push_back({id.slot, id.born});
}

void GroupIndex::SetBase(const EntryId& base) {
  if (base.slot <= base_.slot) return;
  base_ = base;
  if (base.slot >= last()) {
    first_ = base.slot.Next();
    locations_.clear();
    runs_.clear();
    return;
  }
  if (base.slot < first_) return;
  locations_.erase(locations_.begin(),
                   locations_.begin() + static_cast<ptrdiff_t>(base.slot.value + 1 - first_.value));
  first_ = base.slot.Next();
  while (runs_.size() > 1 && runs_[1].first <= first_) runs_.erase(runs_.begin());
  if (!runs_.empty()) runs_.front().first = first_;
}

void GroupIndex::BeginAt(const EntryId& base) {
  base_ = base;
  first_ = base.slot.Next();
  locations_.clear();
  runs_.clear();
}

void GroupIndex::AssumeLast(Slot last) {
  BATON_CHECK(empty());
  first_ = last.Next();
}

std::optional<Location> GroupIndex::Find(Slot slot) const {
  if (slot < first_ || slot > last() || slot <= base_.slot) return std::nullopt;
  return locations_[slot.value - first_.value];
}

}  // namespace baton::wal
