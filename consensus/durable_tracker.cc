#include "consensus/durable_tracker.h"

#include <algorithm>

#include "base/check.h"

namespace baton::consensus {

uint64_t DurableTracker::Issue(bool hard_state, std::optional<Slot> last) {
  ++issued_;
  if (hard_state) hard_state_id_ = issued_;
  if (hard_state || last) pending_.push_back(Pending{issued_, last.value_or(Slot{})});
  return issued_;
}

void DurableTracker::Cut(Slot first) {
  durable_ = std::min(durable_, first.Prev());
  for (Pending& pending : pending_) pending.last = std::min(pending.last, first.Prev());
}

bool DurableTracker::Done(uint64_t persist_id) {
  BATON_CHECK(persist_id <= issued_) << "persist " << persist_id << " was never issued";
  done_ = std::max(done_, persist_id);
  bool wrote = false;
  while (!pending_.empty() && pending_.front().persist_id <= done_) {
    durable_ = std::max(durable_, pending_.front().last);
    pending_.pop_front();
    wrote = true;
  }
  return wrote;
}

void DurableTracker::Feed(Hasher* hasher) const {
  hasher->Add(durable_);
  hasher->Add(issued_);
  hasher->Add(done_);
  hasher->Add(hard_state_id_);
  hasher->Add(uint64_t{pending_.size()});
  for (const Pending& pending : pending_) {
    hasher->Add(pending.persist_id);
    hasher->Add(pending.last);
  }
}

}  // namespace baton::consensus
