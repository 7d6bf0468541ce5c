#include "consensus/peer_progress.h"

#include <algorithm>

namespace baton::consensus {

bool PeerProgress::MaySend(uint64_t inflight_bytes_max) const {
  if (read_id_ != 0 || snapshot_) return false;
  if (probing_) return !probed_;
  return in_flight_bytes_ < inflight_bytes_max && in_flight_.size() < kInFlightMax;
}

void PeerProgress::Sent(const std::vector<Entry>& entries) {
  if (entries.empty()) return;
  uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.size();
  next_ = entries.back().id.slot.Next();
  probed_ = true;
  in_flight_.push_back(InFlight{entries.back().id.slot, bytes});
  in_flight_bytes_ += bytes;
}

void PeerProgress::Matched(Slot match) {
  if (match_ < match) snapshot_ = false;
  probing_ = false;
  match_ = std::max(match_, match);
  if (next_ <= match_) {  // it had them already
    next_ = match_.Next();
    read_id_ = 0;
  }
  while (!in_flight_.empty() && in_flight_.front().last <= match_) {
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
}

bool PeerProgress::Mismatched(Slot common, int64_t sent_at_us, int64_t now_us) {
  const Slot next = std::max(common, match_).Next();
  if (sent_at_us < stepped_back_us_ || next >= next_) return false;
  Probe(next);
  stepped_back_us_ = now_us;
  return true;
}

bool PeerProgress::BeginSnapshot(Slot next, int64_t sent_at_us) {
  if (snapshot_ || sent_at_us < stepped_back_us_) return false;
  Probe(std::max(next, match_.Next()));
  snapshot_ = true;
  return true;
}

void PeerProgress::EndSnapshot(bool failed, int64_t now_us) {
  snapshot_failed_ = failed;
  snapshot_ = false;
  stepped_back_us_ = now_us;
}

void PeerProgress::Probe(Slot next) {
  next_ = next;
  probing_ = true;
  probed_ = false;
  in_flight_.clear();
  in_flight_bytes_ = 0;
  read_id_ = 0;
}

void PeerProgress::Feed(Hasher* hasher) const {
  hasher->Add(match_);
  hasher->Add(next_);
  hasher->Add(uint64_t{snapshot_failed_} << 3 | uint64_t{snapshot_} << 2 | uint64_t{probing_} << 1 |
              uint64_t{probed_});
  hasher->AddTime(stepped_back_us_);
  hasher->Add(uint64_t{in_flight_.size()});
  for (const InFlight& sent : in_flight_) {
    hasher->Add(sent.last);
    hasher->Add(sent.bytes);
  }
  hasher->Add(read_id_);
}

}  // namespace baton::consensus
