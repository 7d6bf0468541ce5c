#include "consensus/read_index.h"

#include <algorithm>
#include <utility>

namespace baton::consensus {

bool ReadIndex::BeginRound() {
  if (!under_way_.empty() || next_.empty()) return false;
  ++round_;
  under_way_ = std::exchange(next_, {});
  return true;
}

void ReadIndex::Acknowledged(NodeId node, uint64_t round) {
  uint64_t& known = acknowledged_[node];
  known = std::max(known, std::min(round, round_));
}

std::vector<ReadIndex::Read> ReadIndex::TakeConfirmed(const Configurations& configurations,
                                                      NodeId self) {
  if (under_way_.empty()) return {};
  Acknowledged(self, round_);
  if (configurations.ReachedByQuorum(acknowledged_, uint64_t{0}) < round_) return {};
  return std::exchange(under_way_, {});
}

std::vector<ReadIndex::Read> ReadIndex::TakeAll() {
  std::vector<Read> all = std::exchange(under_way_, {});
  all.insert(all.end(), next_.begin(), next_.end());
  next_.clear();
  return all;
}

void ReadIndex::Feed(Hasher* hasher) const {
  hasher->Add(round_);
  for (const std::vector<Read>* reads : {&under_way_, &next_}) {
    hasher->Add(uint64_t{reads->size()});
    for (const Read& read : *reads) {
      hasher->Add(read.from);
      hasher->Add(read.read_id);
      hasher->Add(read.slot);
    }
  }
  hasher->Add(acknowledged_);
}

}  // namespace baton::consensus
