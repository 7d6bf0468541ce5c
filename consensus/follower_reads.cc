#include "consensus/follower_reads.h"

#include <limits>
#include <utility>

namespace baton::consensus {

uint64_t FollowerReads::BeginAsk(const Ballot& ballot, int64_t now_us, int64_t patience_us) {
  if (empty() || (!under_way_.empty() && now_us < overdue_at_us_)) return 0;
  under_way_.insert(under_way_.end(), next_.begin(), next_.end());
  next_.clear();
  asked_ = ballot;
  overdue_at_us_ = now_us + patience_us;
  return ++ask_;
}

std::vector<uint64_t> FollowerReads::Told(uint64_t ask) {
  if (ask != ask_) return {};
  return std::exchange(under_way_, {});
}

std::vector<uint64_t> FollowerReads::TakeAll() {
  std::vector<uint64_t> all = std::exchange(under_way_, {});
  all.insert(all.end(), next_.begin(), next_.end());
  next_.clear();
  return all;
}

int64_t FollowerReads::OverdueAtUs() const {
  return under_way_.empty() ? std::numeric_limits<int64_t>::max() : overdue_at_us_;
}

void FollowerReads::Feed(Hasher* hasher) const {
  hasher->Add(ask_);
  hasher->Add(asked_);
  hasher->AddTime(overdue_at_us_);
  for (const std::vector<uint64_t>* reads : {&under_way_, &next_}) {
    hasher->Add(uint64_t{reads->size()});
    for (const uint64_t read_id : *reads) hasher->Add(read_id);
  }
}

}  // namespace baton::consensus
