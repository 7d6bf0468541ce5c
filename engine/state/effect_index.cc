#include "engine/state/effect_index.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace baton::engine {

absl::Status EffectIndex::Add(Slot slot, std::shared_ptr<const std::string> bytes,
                              EffectsReader* reader) {
  BATON_CHECK(slot >= last()) << slot.value << " after " << last().value;
  Entry& entry = entries_.emplace_back();
  entry.slot = slot;
  entry.charge = bytes->size() + kNodeCharge;
  entry.bytes = std::move(bytes);
  for (Effect effect; reader->Next(&effect);) {
    if (IsOfSession(effect.kind)) continue;
    const Stamp stamp{slot, next_number_++};
    if (effect.kind == EffectKind::kDeleteRange) {
      ranges_.push_back(Range{Span{effect.key, effect.end}, stamp});
      ++entry.ranges;
      entry.charge += kRangeCharge;
      continue;
    }
    const bool deleted = effect.kind == EffectKind::kDelete;
    entry.nodes.push_back(nodes_.insert(Node{effect.key, stamp, deleted, effect.row}).first);
    entry.charge += kNodeCharge;
  }
  charge_ += entry.charge;
  return reader->status();
}

void EffectIndex::RemoveUpTo(Slot slot) {
  while (!entries_.empty() && entries_.front().slot <= slot) {
    const Entry& entry = entries_.front();
    for (const Nodes::iterator node : entry.nodes) nodes_.erase(node);
    ranges_.erase(ranges_.begin(), ranges_.begin() + static_cast<std::ptrdiff_t>(entry.ranges));
    charge_ -= entry.charge;
    entries_.pop_front();
  }
}

void EffectIndex::Clear() {
  nodes_.clear();
  ranges_.clear();
  entries_.clear();
  charge_ = 0;
}

EffectIndex::Nodes::const_iterator EffectIndex::FindNode(std::string_view key,
                                                         Window window) const {
  const auto node = nodes_.lower_bound(Node{key, Stamp{window.upto, ~uint64_t{0}}});
  if (node == nodes_.end() || node->key != key || node->stamp.slot <= window.after) {
    return nodes_.end();
  }
  return node;
}

std::pair<size_t, size_t> EffectIndex::RangesIn(Window window) const {
  const auto past = [this](Slot slot) {
    const auto it =
        std::partition_point(ranges_.begin(), ranges_.end(),
                             [slot](const Range& range) { return range.stamp.slot <= slot; });
    return static_cast<size_t>(it - ranges_.begin());
  };
  return {past(window.after), past(window.upto)};
}

bool EffectIndex::Covered(std::string_view key, Stamp than, Window window) const {
  if (ranges_.empty()) return false;
  const auto [first, last] = RangesIn(window);
  for (size_t i = last; i > first && ranges_[i - 1].stamp > than; --i) {
    const Span& span = ranges_[i - 1].span;
    if (span.begin <= key && key < span.end) return true;
  }
  return false;
}

Change EffectIndex::Resolve(const Node& node, Window window) const {
  if (node.deleted || Covered(node.key, node.stamp, window)) return Change{node.key, true, {}};
  return Change{node.key, false, node.row};
}

std::optional<Change> EffectIndex::Find(std::string_view key, Window window) const {
  if (const auto node = FindNode(key, window); node != nodes_.end()) return Resolve(*node, window);
  if (Covered(key, Stamp{}, window)) return Change{key, true, {}};
  return std::nullopt;
}

void EffectIndex::Collect(std::string_view lower, std::string_view upper, bool reverse, size_t max,
                          Window window, std::vector<Change>* changes) const {
  // Of one key's nodes the newest stands first, so these two lie before and behind all of them.
  static constexpr Stamp kNewest{kSlotMax, ~uint64_t{0}};
  static constexpr Stamp kOldest{};
  size_t found = 0;
  auto at = nodes_.lower_bound(Node{reverse ? upper : lower, kNewest});
  while (found < max) {
    if (reverse) {
      if (at == nodes_.begin()) return;
      --at;  // the oldest node of the next lower key
      if (at->key < lower) return;
    } else if (at == nodes_.end() || at->key >= upper) {
      return;
    }
    const std::string_view key = at->key;
    if (const auto node = FindNode(key, window); node != nodes_.end()) {
      changes->push_back(Resolve(*node, window));
      ++found;
    }
    at = reverse ? nodes_.lower_bound(Node{key, kNewest}) : nodes_.upper_bound(Node{key, kOldest});
  }
}

std::vector<Span> EffectIndex::Hidden(Window window) const {
  const auto [first, last] = RangesIn(window);
  std::vector<Span> spans;
  for (size_t i = first; i < last; ++i) spans.push_back(ranges_[i].span);
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::vector<Span> merged;
  for (const Span& span : spans) {
    if (merged.empty() || merged.back().end < span.begin) {
      merged.push_back(span);
    } else {
      merged.back().end = std::max(merged.back().end, span.end);
    }
  }
  return merged;
}

}  // namespace baton::engine
