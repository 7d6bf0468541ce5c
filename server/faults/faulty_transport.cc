#include "server/faults/faulty_transport.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/faults/message_kind.h"

namespace baton::server {

FaultyTransport::FaultyTransport(Transport* below, const Clock* clock,
                                 std::function<void(StopAction)> stop)
    : below_(below), clock_(clock), stop_(std::move(stop)), thread_([this] { RunLine(); }) {}

void FaultyTransport::Close() {
  Clear();
  {
    MutexLock lock(&mutex_);
    closed_ = true;
    line_ = DelayLine();
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void FaultyTransport::Delay(NodeId peer, int64_t delay_us) {
  MutexLock lock(&mutex_);
  if (delay_us > 0) {
    delay_us_[peer] = delay_us;
  } else {
    delay_us_.erase(peer);
  }
}

void FaultyTransport::Drop(NodeId peer) {
  MutexLock lock(&mutex_);
  dropped_.insert(peer);
}

void FaultyTransport::StopAt(StopOrder order) {
  MutexLock lock(&mutex_);
  order_ = std::move(order);
  ordered_ = true;
}

void FaultyTransport::Clear() {
  MutexLock lock(&mutex_);
  delay_us_.clear();
  dropped_.clear();
  ordered_ = false;
}

std::vector<std::string> FaultyTransport::InForce(
    const std::function<std::string(NodeId)>& name) const {
  MutexLock lock(&mutex_);
  std::vector<std::string> commands;
  for (const auto& [peer, delay_us] : delay_us_) {
    commands.push_back(absl::StrCat("delay ", name(peer), " ", delay_us / 1000));
  }
  for (const NodeId peer : dropped_) commands.push_back(absl::StrCat("drop ", name(peer)));
  if (ordered_) {
    const char* action = order_.action == StopAction::kKill ? "kill-at" : "pause-at";
    commands.push_back(absl::StrCat(action, " ", order_.kind, " ", order_.count));
  }
  return commands;
}

void FaultyTransport::CountDown(const consensus::Message& message) {
  StopAction action;
  {
    MutexLock lock(&mutex_);
    if (!ordered_ || MessageKind(message.body) != order_.kind || --order_.count > 0) return;
    ordered_ = false;
    action = order_.action;
  }
  stop_(action);
}

void FaultyTransport::Send(consensus::Message message) {
  CountDown(message);
  MutexLock lock(&mutex_);
  if (dropped_.contains(message.to)) return;
  const auto delay = delay_us_.find(message.to);
  if (delay == delay_us_.end() && !line_.Holds(message.to)) {
    below_->Send(std::move(message));
    return;
  }
  const int64_t delay_us = delay == delay_us_.end() ? 0 : delay->second;
  const int64_t next_us = line_.NextDueUs();
  line_.Put(clock_->LeaseNowUs() + delay_us, std::move(message));
  if (line_.NextDueUs() < next_us) changed_.NotifyAll();
}

void FaultyTransport::RunLine() {
  MutexLock lock(&mutex_);
  while (!closed_) {
    const int64_t now_us = clock_->LeaseNowUs();
    if (std::optional<consensus::Message> message = line_.Take(now_us)) {
      below_->Send(*std::move(message));
    } else if (line_.NextDueUs() == INT64_MAX) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitFor(&mutex_, line_.NextDueUs() - now_us);
    }
  }
}

}  // namespace baton::server
