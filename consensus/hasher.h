// Hasher: the canonical form of a state machine's parts, and its hash.
//
// Each part has `void Feed(Hasher*) const` that adds its fields in a fixed order; sequences add
// their length first, so that no two states share a form. A value of one function call.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/checksum.h"
#include "base/types.h"

namespace baton::consensus {

class Hasher {
 public:
  void Add(uint64_t v) { words_.push_back(v); }
  void Add(NodeId node) { Add(uint64_t{node.value}); }
  void Add(Slot slot) { Add(slot.value); }
  void Add(const Ballot& ballot) {
    Add(ballot.round);
    Add(ballot.node);
  }
  void Add(const EntryId& id) {
    Add(id.born);
    Add(id.slot);
  }
  void AddTime(int64_t us) { Add(static_cast<uint64_t>(us)); }
  void AddBytes(std::string_view bytes) { Add(Checksum(bytes)); }
  template <class T>
  void Add(const std::map<NodeId, T>& map) {
    Add(uint64_t{map.size()});
    for (const auto& [node, value] : map) {
      Add(node);
      if constexpr (std::is_same_v<T, int64_t>) {
        AddTime(value);
      } else {
        Add(value);
      }
    }
  }
  void Add(const std::set<NodeId>& set) {
    Add(uint64_t{set.size()});
    for (NodeId node : set) Add(node);
  }

  uint64_t Digest() const { return Checksum(canonical()); }
  // All that was added. A harness that meets very many states hashes it more widely.
  std::string_view canonical() const {
    return {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(uint64_t)};
  }
  void Clear() { words_.clear(); }

 private:
  static_assert(std::endian::native == std::endian::little, "equal hashes on every machine");

  std::vector<uint64_t> words_;
};

}  // namespace baton::consensus
