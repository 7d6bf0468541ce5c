#include "server/replica/faulty_node.h"

#include "engine/state/catalog.h"
#include "server/replica/answers.h"
#include "server/replica/member_table.h"

namespace baton::server {

FaultyNode::FaultyNode(const ReplicaOptions& options, consensus::Recovered recovered,
                       std::string fault)
    : options_(options), recovered_(std::move(recovered)), fault_(std::move(fault)) {}

void FaultyNode::Submit(std::vector<Call> calls, std::shared_ptr<AnswerSink> sink) {
  AnswerBatch answers;
  for (const Call& call : calls) {
    answers.Fail(ReturnAddress{sink, call.tag}, LogFaultyFailure(fault_));
  }
  answers.Deliver();
}

// Every call is refused for the fault, not for its keyspace.
engine::KeyspacePtr FaultyNode::FindKeyspace(const std::string&) const {
  return std::make_shared<const engine::KeyspaceInfo>(engine::DefaultKeyspaceInfo(0));
}

Failure FaultyNode::NoKeyspace(const std::string&) const { return LogFaultyFailure(fault_); }

NodeStatus FaultyNode::Status() const {
  NodeStatus status;
  status.cluster = options_.cluster;
  status.node = options_.self.node;
  status.name = options_.self.name;
  status.state = "faulty";
  status.ballot = recovered_.hard_state.promised;
  status.reason = fault_;
  status.durable = recovered_.last;
  status.applied = recovered_.applied;
  status.commit = recovered_.applied;
  status.flushed = recovered_.applied;
  status.first = recovered_.base.slot.Next();
  Members members = MembersOf(recovered_.hard_state.configurations);
  status.epoch = members.epoch;
  status.changing = members.changing;
  status.members = std::move(members.all);
  return status;
}

void FaultyNode::DescribeLog(std::function<void(LogEnd)> done) {
  LogEnd end;
  end.failure = LogFaultyFailure(fault_);
  done(std::move(end));
}

void FaultyNode::Digest(KeyspaceId, Slot, int64_t, std::function<void(DigestResult)> done) {
  DigestResult result;
  result.failure = LogFaultyFailure(fault_);
  done(std::move(result));
}

void FaultyNode::ChangeMembers(MembersCall, std::function<void(MembersResult)> done) {
  MembersResult result;
  result.failure = LogFaultyFailure(fault_);
  done(std::move(result));
}

void FaultyNode::Handover(HandoverCall, std::function<void(HandoverResult)> done) {
  HandoverResult result;
  result.failure = LogFaultyFailure(fault_);
  done(std::move(result));
}

}  // namespace baton::server
