// Layer: changes that lie over the engine's state, as a view sees them. A view merges the engine
// with its layers, newest first.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace baton::engine {

// What a layer knows of one key. Points into bytes that the layer keeps for as long as it lives.
struct Change {
  std::string_view key;  // engine key
  bool deleted = false;
  std::string_view row;  // unless deleted
};

// [begin, end) of engine keys.
struct Span {
  std::string_view begin;
  std::string_view end;
};

class Layer {
 public:
  virtual ~Layer() = default;
  // What the layer says of the key; nullopt: ask what lies below.
  virtual std::optional<Change> Find(std::string_view key) const = 0;
  // Appends up to `max` keys of [lower, upper) that the layer changes one by one, in key order
  // (descending if reverse), each as it stands in the layer. Fewer than max: there are no more.
  virtual void Collect(std::string_view lower, std::string_view upper, bool reverse, size_t max,
                       std::vector<Change>* changes) const = 0;
  // Ranges deleted in the layer: what lies below is hidden there. Ascending, disjoint.
  virtual std::vector<Span> Hidden() const = 0;
};

}  // namespace baton::engine
