#include "server/drain.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"

namespace baton::server {
namespace {

using Clock = std::chrono::steady_clock;

// What is heard while it waits. Its callbacks may outlive the call.
class Heard {
 public:
  void Outcome(HandoverResult result) {
    MutexLock lock(&mutex_);
    result_ = std::move(result);
    changed_.NotifyAll();
  }
  void Leads(const std::string& name) {
    MutexLock lock(&mutex_);
    leader_ = name;
    changed_.NotifyAll();
  }

  // Why nobody else leads; empty: somebody does.
  std::string Await(const std::string& self, Clock::time_point deadline) {
    MutexLock lock(&mutex_);
    while (true) {
      if (!leader_.empty() && leader_ != self) return "";
      const bool handed = result_ && result_->failure.reason == Reason::kNotLeader;
      if (result_ && !handed) return Why(*result_);
      const auto left =
          std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now()).count();
      if (left <= 0) return "it takes too long";
      changed_.WaitFor(&mutex_, left);
    }
  }

 private:
  static std::string Why(const HandoverResult& result) {
    return result.row ? result.row->outcome : result.failure.message;
  }

  Mutex mutex_;
  CondVar changed_;
  std::optional<HandoverResult> result_ BATON_GUARDED_BY(mutex_);
  std::string leader_ BATON_GUARDED_BY(mutex_);
};

}  // namespace

void Drain(Node* node, const std::string& name, std::chrono::milliseconds patience) {
  const NodeStatus status = node->Status();
  if (status.state != "leader") return;
  const auto heard = std::make_shared<Heard>();
  const uint64_t watch =
      node->WatchLeader([heard](const LeaderHint& leader) { heard->Leads(leader.name); });
  HandoverCall call;
  // One of a reign: its ballot is never another's.
  call.order.id =
      absl::StrCat(std::string(kDrainIdPrefix), status.ballot.round, ".", status.ballot.node.value);
  call.order.reason = "drain";
  call.order.deadline_us = std::chrono::microseconds(patience).count();
  call.actor = name;
  call.urgent = true;
  node->Handover(std::move(call),
                 [heard](HandoverResult result) { heard->Outcome(std::move(result)); });
  const std::string why = heard->Await(name, Clock::now() + patience);
  node->UnwatchLeader(watch);
  if (why.empty()) {
    spdlog::info("leadership is handed over");
  } else {
    spdlog::warn("leadership is not handed over before this node stops: {}", why);
  }
}

}  // namespace baton::server
