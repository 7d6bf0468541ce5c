#include "server/member_change.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "baton/v1/cluster.pb.h"
#include "server/addresses.h"
#include "server/answer_once.h"
#include "server/replica/answers.h"
#include "server/rpc/failure.h"
#include "server/rpc/find_member.h"
#include "server/rpc/hello.h"

namespace baton::server {
namespace {

constexpr int64_t kCallTimeoutUs = 5'000'000;  // one question to the node that is added

Failure Refused(std::string why) {
  return MembersRefusedFailure(absl::StatusCode::kFailedPrecondition, std::move(why));
}

NextMembers RefusedNext(std::string why) {
  NextMembers next;
  next.failure = Refused(std::move(why));
  return next;
}

MembersOutcome FailedOutcome(Failure failure) {
  MembersOutcome outcome;
  outcome.failure = std::move(failure);
  return outcome;
}

MemberInfo* InfoOf(std::vector<MemberInfo>* members, NodeId node) {
  for (MemberInfo& member : *members) {
    if (member.node == node) return &member;
  }
  BATON_CHECK(false) << "node " << node.value << " was found among them";
  return nullptr;
}

// Why the node that gave `card` cannot be the one to add; empty: it can.
std::string WhyNotThisNode(const AddMember& add, const NodeCard& card, const NodeStatus& now) {
  if (card.name != add.name) {
    return "the node at " + add.peer_address + " is called " + card.name + ", not " + add.name;
  }
  for (const MemberInfo& member : now.members) {
    if (member.directory == card.directory) {
      return "the node at " + add.peer_address + " is " + Called(member) + " already";
    }
  }
  if (card.cluster.IsZero()) return "";
  if (card.cluster != now.cluster) {
    return add.name + " belongs to cluster " + ToString(card.cluster) +
           ": stop it, empty its data directory, start it again";
  }
  return add.name + " was a member of this cluster and was removed: stop it, empty its data " +
         "directory, start it again";
}

// Why a member like this cannot stand beside those that are; empty: it can.
std::string WhyNotBeside(const AddMember& add, const NodeStatus& now) {
  for (const MemberInfo& member : now.members) {
    if (IsMeant(add.replaces, member)) continue;
    if (member.name == add.name) {
      return "there is a member called " + Called(member) +
             " already: remove it first, or replace it";
    }
    if (member.peer_address == add.peer_address) {
      return Called(member) + " is met at " + add.peer_address +
             " already: remove it first, or replace it";
    }
  }
  return "";
}

NextMembers After(const NodeStatus& now, const AddMember& add, const NodeCard& card) {
  NextMembers next;
  for (const MemberInfo& member : now.members) {
    if (member.directory != card.directory || member.name != add.name ||
        member.peer_address != add.peer_address) {
      continue;
    }
    next.unchanged = true;
    next.members = now.members;
    next.member = member;
    return next;
  }
  if (add.role != v1::ROLE_LEARNER && add.role != v1::ROLE_WITNESS) {
    return RefusedNext("a node is added as a learner or as a witness: promote a learner later");
  }
  std::string why = WhyNotThisNode(add, card, now);
  if (why.empty()) why = WhyNotBeside(add, now);
  if (!why.empty()) return RefusedNext(std::move(why));
  next.members = now.members;
  next.member = {IdOfAdded(Epoch{now.epoch.value + 1}),
                 add.name,
                 card.directory,
                 card.client_address,
                 add.peer_address,
                 add.role};
  next.members.push_back(next.member);
  return next;
}

NextMembers After(const NodeStatus& now, const PromoteMember& promote, const NodeCard&) {
  NextMembers next;
  const MemberInfo* member = FindMember(now.members, promote.member, &next.failure);
  if (member == nullptr) return next;
  next.members = now.members;
  MemberInfo* promoted = InfoOf(&next.members, member->node);
  next.unchanged = promoted->role == v1::ROLE_VOTER;
  promoted->role = v1::ROLE_VOTER;
  next.member = *promoted;
  return next;
}

NextMembers After(const NodeStatus& now, const RemoveMember& remove, const NodeCard&) {
  NextMembers next;
  const MemberInfo* member = FindMember(now.members, remove.member, &next.failure);
  if (member == nullptr) return next;
  next.member = *member;
  next.members = now.members;
  std::erase_if(next.members, [&](const MemberInfo& m) { return m.node == next.member.node; });
  return next;
}

NextMembers After(const NodeStatus& now, const SwapMembers& swap, const NodeCard& card) {
  NextMembers next;
  const MemberInfo* out = FindMember(now.members, swap.out, &next.failure);
  if (out == nullptr) return next;
  const MemberInfo* in = FindMember(now.members, swap.in, &next.failure);
  if (in == nullptr) return next;
  if (out->node == in->node) return RefusedNext(Called(*in) + " cannot take its own place");
  NodeStatus without = now;
  std::erase_if(without.members, [&](const MemberInfo& m) { return m.node == out->node; });
  next = After(without, PromoteMember{{"", in->node}}, card);
  next.unchanged = false;  // one leaves
  return next;
}

// Waits for what a callback brings.
class Awaited {
 public:
  void Set(MembersResult result) {
    MutexLock lock(&mutex_);
    result_ = std::move(result);
    there_.NotifyAll();
  }
  MembersResult Get() {
    MutexLock lock(&mutex_);
    while (!result_) there_.Wait(&mutex_);
    return *std::move(result_);
  }

 private:
  Mutex mutex_;
  CondVar there_;
  std::optional<MembersResult> result_ BATON_GUARDED_BY(mutex_);
};

}  // namespace

NodeId IdOfAdded(Epoch epoch) {
  return NodeId{static_cast<uint32_t>(Formation::kMembersMax + epoch.value)};
}

NextMembers MembersAfter(const NodeStatus& now, const MemberOrder& order, const NodeCard& card) {
  return std::visit([&](const auto& one) { return After(now, one, card); }, order);
}

MemberChange::MemberChange(const NodeHandle* node, const FormationHost* formation,
                           PeerCaller* caller, const Clock* clock, Worker* coordinator)
    : node_(node),
      formation_(formation),
      caller_(caller),
      clock_(clock),
      coordinator_(coordinator) {}

void MemberChange::Change(MemberOrder order, std::string reason, const CallContext& context,
                          std::function<void(MembersOutcome)> done) {
  auto answer = std::make_shared<AnswerOnce<MembersOutcome>>(
      std::move(done), FailedOutcome(OverloadedFailure("coordinator")));
  coordinator_->Post([this, order = std::move(order), reason = std::move(reason), context, answer] {
    answer->Give(ChangeNow(order, reason, context));
  });
}

MembersOutcome MemberChange::ChangeNow(const MemberOrder& order, const std::string& reason,
                                       const CallContext& context) {
  Node* const node = node_->get();
  if (node == nullptr) return FailedOutcome(node_->Absent());
  const NodeStatus now = node->Status();
  if (now.state != "leader") return FailedOutcome(NotLeaderFailure(now.leader));
  if (now.changing) {
    return FailedOutcome(Refused("a change of members is under way (epoch " +
                                 std::to_string(now.epoch.value) + "): wait until it is done"));
  }
  NodeCard card;
  const auto* add = std::get_if<AddMember>(&order);
  if (add != nullptr) {
    Failure failure = Identify(*add, context.deadline_us, &card);
    if (!failure.ok()) return FailedOutcome(std::move(failure));
  }
  NextMembers next = MembersAfter(now, order, card);
  if (!next.failure.ok()) return FailedOutcome(std::move(next.failure));
  MembersOutcome outcome;
  outcome.epoch = now.epoch;
  outcome.member = next.member;
  outcome.unchanged = next.unchanged;
  if (!next.unchanged) {
    Awaited result;
    node->ChangeMembers({now.epoch, next.members, context.actor, reason, context.deadline_us},
                        [&result](MembersResult told) { result.Set(std::move(told)); });
    const MembersResult told = result.Get();
    if (!told.failure.ok()) return FailedOutcome(told.failure);
    outcome.epoch = told.epoch;
  }
  if (add != nullptr && card.cluster.IsZero()) {
    outcome.failure = TellToJoin(next.member, outcome.epoch, next.members, context.deadline_us);
  }
  outcome.members = std::move(next.members);
  return outcome;
}

Failure MemberChange::Identify(const AddMember& add, int64_t deadline_us, NodeCard* card) const {
  for (const std::string& problem : {NameProblem(add.name), AddressProblem(add.peer_address)}) {
    if (!problem.empty()) return InvalidRequest(problem);
  }
  const int64_t left_us = deadline_us - clock_->LeaseNowUs();
  absl::StatusOr<NodeCard> answer =
      caller_->Identify(add.peer_address, std::clamp<int64_t>(left_us, 1000, kCallTimeoutUs));
  if (answer.ok()) {
    *card = *std::move(answer);
    return Failure{};
  }
  return Refused(std::string(answer.status().message()) +
                 ": start the node that is to be added, with an empty data directory");
}

Failure MemberChange::TellToJoin(const MemberInfo& member, Epoch epoch,
                                 const std::vector<MemberInfo>& members,
                                 int64_t deadline_us) const {
  FormationRecord record = *formation_->Formed();
  record.self = member.node;
  record.epoch = epoch;
  record.members = members;
  const int64_t left_us = deadline_us - clock_->LeaseNowUs();
  const absl::Status told = caller_->Join(member.peer_address, record,
                                          std::clamp<int64_t>(left_us, 1000, kCallTimeoutUs));
  if (told.ok()) return Failure{};
  Failure failure = Refused(Called(member) + " is a member now, but could not be told: " +
                            std::string(told.message()) + ". Repeat the command");
  failure.code = told.code();
  failure.reason = Reason::kNone;
  return failure;
}

}  // namespace baton::server
