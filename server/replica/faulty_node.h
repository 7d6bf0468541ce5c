// FaultyNode: stands in for a replica whose log cannot be trusted. It takes part in nothing, says
// why, and refuses every call. Any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/replica/replica_node.h"

namespace baton::server {

class FaultyNode : public ReplicaNode {
 public:
  FaultyNode(const ReplicaOptions& options, consensus::Recovered recovered, std::string fault);

  void Submit(std::vector<Call> calls, std::shared_ptr<AnswerSink> sink) override;
  engine::KeyspacePtr FindKeyspace(const std::string& name) const override;
  Failure NoKeyspace(const std::string& name) const override;
  std::vector<KeyspaceStatus> Keyspaces() const override { return {}; }
  NodeStatus Status() const override;
  void DescribeLog(std::function<void(LogEnd)> done) override;
  void Digest(KeyspaceId keyspace, Slot slot, int64_t deadline_us,
              std::function<void(DigestResult)> done) override;
  void ChangeMembers(MembersCall call, std::function<void(MembersResult)> done) override;
  void Handover(HandoverCall call, std::function<void(HandoverResult)> done) override;
  void Receive(consensus::Message) override {}
  uint64_t WatchLeader(std::function<void(const LeaderHint&)>) override { return 1; }
  void UnwatchLeader(uint64_t) override {}
  void Stop() override {}
  const Metrics& metrics() const override { return metrics_; }
  std::vector<std::pair<std::string, uint64_t>> Properties() const override { return {}; }
  std::vector<Stage*> stages() override { return {}; }

 private:
  const ReplicaOptions options_;
  const consensus::Recovered recovered_;
  const std::string fault_;
  Metrics metrics_;
};

}  // namespace baton::server
