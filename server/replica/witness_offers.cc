#include "server/replica/witness_offers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::server {

void WitnessOffers::Begin(const consensus::SendSnapshot& send, const consensus::Replica& core) {
  const EntryId base = core.log().base();
  const Slot first = base.slot.Next();
  BATON_CHECK(send.log_only && base.slot > Slot{} && first <= core.commit())
      << "a witness would begin at slot " << first.value << ", " << core.commit().value
      << " is committed";
  Offer& offer = offers_[send.to];
  offer.next_us = parts_.clock->LeaseNowUs() + kOfferAgainUs;
  offer.offer = {.ballot = send.ballot,
                 .snapshot = ++last_snapshot_,
                 .prev = base,
                 .last = core.log().IdAt(first),
                 // Chosen, whether or not the log up to there has it: see SnapshotReceived.
                 .configuration = core.configurations().all().front()};
  // Where the worker takes no more, or cannot read it, the offer ends at its time.
  parts_.worker->Post(
      [wal = parts_.wal, told = parts_.read, fatal = parts_.fatal, first,
       result = FirstEntryRead{.snapshot = last_snapshot_, .to = send.to}]() mutable {
        auto entry = wal->Read(kFirstGroup, first, first, 1);
        result.status = entry.status();
        // Not there: it was truncated meanwhile. Else it is damaged.
        if (!entry.ok() && !absl::IsNotFound(entry.status())) {
          fatal("cannot read the log back: " + std::string(entry.status().message()));
        }
        if (entry.ok()) result.bytes = std::move(entry->front().bytes);
        told(std::move(result));
      });
}

void WitnessOffers::On(const FirstEntryRead& read) {
  const auto found = offers_.find(read.to);
  if (found == offers_.end() || found->second.offer.snapshot != read.snapshot) return;
  if (!read.status.ok()) {
    spdlog::warn("witness {} cannot be given a beginning yet: {}", read.to.value,
                 std::string(read.status.message()));
    return;
  }
  found->second.offer.entry = read.bytes;
  spdlog::info("witness {} begins its log anew, after slot {}", read.to.value,
               found->second.offer.prev.slot.value);
  Send(read.to, &found->second);
}

void WitnessOffers::Send(NodeId to, Offer* offer) {
  offer->next_us = parts_.clock->LeaseNowUs() + kOfferAgainUs;
  parts_.transport->Send({.from = parts_.self, .to = to, .body = offer->offer});
}

std::vector<consensus::SnapshotEnded> WitnessOffers::RunDue(const consensus::Replica& core) {
  const int64_t now_us = parts_.clock->LeaseNowUs();
  std::vector<consensus::SnapshotEnded> ended;
  for (auto& [to, offer] : offers_) {
    const bool there = core.MatchOf(to) >= offer.offer.last.slot;
    const bool due = offer.next_us <= now_us;
    const bool useless = offer.offer.entry == nullptr || offer.offer.prev != core.log().base();
    if (there || (due && useless)) {
      ended.push_back({to, /*failed=*/false});
    } else if (due) {
      Send(to, &offer);
    }
  }
  for (const consensus::SnapshotEnded& each : ended) offers_.erase(each.to);
  return ended;
}

int64_t WitnessOffers::NextDeadlineUs() const {
  int64_t next_us = kNever;
  for (const auto& [to, offer] : offers_) next_us = std::min(next_us, offer.next_us);
  return next_us;
}

}  // namespace baton::server
