// Who leads: how a client finds it, follows it, and leaves it.
#include <algorithm>

#include "base/check.h"
#include "client/codec.h"
#include "client/dispatcher.h"
#include "client/retry.h"
#include "client/wire_error.h"

namespace baton::client {

// The leader is one no more, as far as we know. What it was sent stays with it; what only gathered
// goes to the next.
void Dispatcher::Leave() {
  Lane* const lane = current_;
  current_ = nullptr;
  for (Call* call : lane->gathered) {
    call->state = Call::State::kQueued;
    call->lane = nullptr;
    queued_.push_back(call);
  }
  lane->gathered.clear();
}

void Dispatcher::Demote(Outbox* outbox) {
  Leave();
  StartSearch(outbox);
}

// The current node says who leads instead, or is about to: it is believed, without asking around,
// if something was answered since another was believed like this. So two that name each other are
// not asked in turns.
void Dispatcher::Follow(const v1::Leader& next, Outbox* outbox) {
  const bool believed = !next.address().empty() && next.address() != current_->address;
  if (!believed || std::exchange(followed_, true)) return Demote(outbox);
  Adopt(next.address(), next.name(), outbox);
}

void Dispatcher::Adopt(const std::string& address, const std::string& name, Outbox* outbox) {
  if (current_ != nullptr) Leave();
  searching_ = false;
  adopted_us_ = NowUs();
  for (const auto& lane : lanes_) {
    if (lane->address == address && !lane->reads && !lane->given_up) current_ = lane.get();
  }
  if (current_ == nullptr) current_ = OpenLane(address, name, /*reads=*/false);
  current_->heard_us = adopted_us_;
  std::deque<Call*> waiting;
  waiting.swap(queued_);
  for (Call* call : waiting) Route(call, outbox);
  for (const auto& lane : lanes_) {
    if (lane.get() == current_ || lane->reads || lane->given_up) continue;
    if (lane->sent == 0 || adopted_us_ - lane->heard_us >= silence_us_) {
      GiveUp(lane.get(), lane->address + " leads no more", outbox);
    }
  }
  Flush(current_, outbox);
  WakeBy(adopted_us_ + silence_us_);
}

Lane* Dispatcher::OpenLane(const std::string& address, const std::string& name, bool reads) {
  lanes_.push_back(std::make_unique<Lane>(this, address, name, reads));
  Lane* const lane = lanes_.back().get();
  lane->heard_us = NowUs();
  lane->stream = network_->Open(address, lane);
  return lane;
}

// Closes a lane and decides about each of its calls. Its OnClosed comes later.
void Dispatcher::GiveUp(Lane* lane, const std::string& why, Outbox* outbox) {
  lane->given_up = true;
  outbox->closes.push_back(lane->stream);
  if (lane == current_) Demote(outbox);
  if (lane->reads) places_.Failed(lane->address, NowUs());
  if (lane->sent == 0 && lane->gathered.empty()) return;
  std::vector<Call*> held;
  for (const auto& [id, call] : calls_) {
    if (call->lane == lane) held.push_back(call.get());
  }
  // In the order they came, so that a run repeats itself.
  std::sort(held.begin(), held.end(),
            [](const Call* a, const Call* b) { return a->header.id < b->header.id; });
  for (Call* call : held) {
    const bool maybe_done = JudgeBroken(call->header.write) == Verdict::kFateUnknown;
    if (maybe_done && call->header.stamp.session == 0) {
      FinishFailed(call, FateUnknown(*call, why), outbox);
      continue;
    }
    call->uncertain |= maybe_done;
    Requeue(call, outbox);
  }
  FlushAll(outbox);
}

void Dispatcher::StartSearch(Outbox* outbox) {
  if (searching_ || stopped_) return;
  searching_ = true;
  if (rounds_ == 0) {
    AskAll(outbox);
    return;
  }
  next_round_us_ = NowUs() + BackoffUs(kSearchBackoff, rounds_, environment_->Random());
  WakeBy(next_round_us_);
}

void Dispatcher::AskAll(Outbox* outbox) {
  for (const std::string& address : leaders_.addresses()) Ask(address, outbox);
  next_round_us_ = NowUs() + BackoffUs(kSearchBackoff, rounds_, environment_->Random());
  ++rounds_;
  WakeBy(next_round_us_);
}

void Dispatcher::Ask(const std::string& address, Outbox* outbox) {
  if (asking_.emplace(address, NowUs()).second) outbox->probes.push_back(address);
}

void Dispatcher::Learn(const std::string& address, Outbox* outbox) {
  const bool is_new = leaders_.Learn(address);
  if (is_new && searching_) Ask(address, outbox);
}

void Dispatcher::OnProbe(const std::string& address, const absl::Status& status,
                         const v1::StatusResponse& response) {
  Outbox outbox;
  {
    MutexLock lock(&mutex_);
    const int64_t asked_us = asking_.extract(address).mapped();
    if (stopped_) return;
    if (status.ok()) places_.Answered(address, NowUs() - asked_us);
    if (!status.ok()) {
      trouble_ = address + ": " + std::string(status.message());
      GiveUpSilent(address, asked_us, &outbox);
    } else if (response.state() != "leader") {
      trouble_ = address + ": " + response.name() + " is " + response.state() +
                 (response.leader().empty() ? " and knows no leader"
                                            : " and follows " + response.leader());
      Learn(response.leader_address(), &outbox);
    }
    for (const v1::Member& member : response.members()) Learn(member.client_address(), &outbox);
    const bool leads = status.ok() && response.state() == "leader";
    if (leads &&
        (current_ == nullptr || leaders_.IsNews(response.cluster_id(), response.ballot())) &&
        leaders_.Believe(response.cluster_id(), response.ballot()) &&
        (current_ == nullptr || current_->address != address)) {
      Adopt(address, response.name(), &outbox);
    }
  }
  Run(&outbox);
}

}  // namespace baton::client
