// FaultyTransport: a network that delays and drops what this node sends, and that can end the
// process right before a message leaves. A decorator over the real one, of which nothing below
// knows.
//
// Faults are of what is sent, each to one peer: to cut a node off in the other direction, command
// its peers. A delayed message waits on a line of bounded length, from which a thread of this class
// sends it: Send never blocks.
//
// Owner: FaultInjection. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "server/faults/delay_line.h"
#include "server/replica/clock.h"
#include "server/replica/transport.h"

namespace baton::server {

enum class StopAction : uint8_t {
  kKill,   // SIGKILL to this process: the message is never sent
  kPause,  // SIGSTOP: it is sent when the process goes on
};

struct StopOrder {
  std::string kind;    // a MessageKind
  uint64_t count = 1;  // before the count-th such message from now on
  StopAction action = StopAction::kKill;
};

class FaultyTransport : public Transport {
 public:
  // `stop` carries out a StopOrder; it returns, if at all, when the process goes on.
  FaultyTransport(Transport* below, const Clock* clock, std::function<void(StopAction)> stop);
  ~FaultyTransport() override { Close(); }

  void Delay(NodeId peer, int64_t delay_us);  // 0: no longer
  void Drop(NodeId peer);
  void StopAt(StopOrder order);  // replaces one that was not met yet
  void Clear();                  // what is on its way still arrives as it would have
  // All faults are over for good, what is still on its way is lost, and what is sent from now on
  // passes. Idempotent; one thread.
  void Close();
  // As the commands that would bring it about; peers by the names that `name` gives.
  std::vector<std::string> InForce(const std::function<std::string(NodeId)>& name) const;

  void Send(consensus::Message message) override;
  void SetMembers(const std::vector<MemberInfo>& members) override { below_->SetMembers(members); }
  bool Connected(NodeId peer) const override { return below_->Connected(peer); }

 private:
  void CountDown(const consensus::Message& message);
  void RunLine();

  Transport* const below_;
  const Clock* const clock_;
  const std::function<void(StopAction)> stop_;
  mutable Mutex mutex_;  // held while sending, so that nothing overtakes
  CondVar changed_;
  std::map<NodeId, int64_t> delay_us_ BATON_GUARDED_BY(mutex_);
  std::set<NodeId> dropped_ BATON_GUARDED_BY(mutex_);
  StopOrder order_ BATON_GUARDED_BY(mutex_);
  bool ordered_ BATON_GUARDED_BY(mutex_) = false;  // order_ is not met yet
  DelayLine line_ BATON_GUARDED_BY(mutex_);
  bool closed_ BATON_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when the rest stands
};

}  // namespace baton::server
