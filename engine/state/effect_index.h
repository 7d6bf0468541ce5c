// EffectIndex: effects of consecutive slots, findable by key as of any of these slots. It points
// into the bytes it is given, which it shares, and copies nothing.
//
// Each put and delete is one node, ordered (key, newest first), so that the newest change at or
// below a slot is one search. Ranges deleted are a short list that each search looks through:
// charge() counts them high, so that whoever bounds charge() bounds that list.
//
// Not thread-safe: Overlay puts a lock around it, the evaluator keeps one to itself.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/types.h"
#include "engine/state/effects.h"
#include "engine/state/layer.h"

namespace baton::engine {

inline constexpr Slot kSlotMax{~uint64_t{0}};

class EffectIndex {
 public:
  // The slots that a search sees: (after, upto].
  struct Window {
    Slot after;
    Slot upto;
  };

  EffectIndex() = default;
  EffectIndex(const EffectIndex&) = delete;
  EffectIndex& operator=(const EffectIndex&) = delete;

  // Adds what the reader has left, which lies inside *bytes. REQUIRES: slot >= last(). Errors are
  // the reader's; the index must then be cleared.
  absl::Status Add(Slot slot, std::shared_ptr<const std::string> bytes, EffectsReader* reader);
  // Drops slots up to `slot`.
  void RemoveUpTo(Slot slot);
  void Clear();

  std::optional<Change> Find(std::string_view key, Window window) const;
  // As Layer's.
  void Collect(std::string_view lower, std::string_view upper, bool reverse, size_t max,
               Window window, std::vector<Change>* changes) const;
  std::vector<Span> Hidden(Window window) const;

  bool empty() const { return entries_.empty(); }
  Slot last() const { return entries_.empty() ? Slot{} : entries_.back().slot; }
  // Bytes held, nodes included, and kRangeCharge for each range deleted.
  uint64_t charge() const { return charge_; }

  static constexpr uint64_t kRangeCharge = 16 << 10;
  static constexpr uint64_t kNodeCharge = 128;  // what a node takes, about

 private:
  // Orders the effects of all slots: by slot, then by place in it.
  struct Stamp {
    Slot slot;
    uint64_t number = 0;
    friend auto operator<=>(const Stamp&, const Stamp&) = default;
  };
  struct Node {
    std::string_view key;
    Stamp stamp;
    bool deleted = false;
    std::string_view row;
  };
  struct NodeOrder {
    bool operator()(const Node& a, const Node& b) const {
      const int order = a.key.compare(b.key);
      return order != 0 ? order < 0 : a.stamp > b.stamp;
    }
  };
  using Nodes = std::set<Node, NodeOrder>;
  struct Range {
    Span span;
    Stamp stamp;
  };
  struct Entry {
    Slot slot;
    std::shared_ptr<const std::string> bytes;
    std::vector<Nodes::iterator> nodes;
    size_t ranges = 0;
    uint64_t charge = 0;
  };

  // The newest node of the key in the window, or end().
  Nodes::const_iterator FindNode(std::string_view key, Window window) const;
  // Whether a range newer than `than` and in the window covers the key.
  bool Covered(std::string_view key, Stamp than, Window window) const;
  Change Resolve(const Node& node, Window window) const;
  // The ranges of the window: [first, second) in ranges_.
  std::pair<size_t, size_t> RangesIn(Window window) const;

  Nodes nodes_;
  std::deque<Range> ranges_;   // ascending by stamp
  std::deque<Entry> entries_;  // ascending by slot; own the bytes that nodes and ranges point to
  uint64_t next_number_ = 0;
  uint64_t charge_ = 0;
};

}  // namespace baton::engine
