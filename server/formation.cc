#include "server/formation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "baton/v1/cluster.pb.h"
#include "server/addresses.h"
#include "server/answer_once.h"
#include "server/rpc/failure.h"
#include "server/rpc/hello.h"

namespace baton::server {
namespace {

constexpr int64_t kCallTimeoutUs = 5'000'000;  // one question to one member

std::string ProfileOf(const InitPlan& plan) { return plan.profile.empty() ? "lan" : plan.profile; }

// The same members and profile, whatever their order.
bool SamePlan(const InitPlan& plan, const FormationRecord& record) {
  std::set<std::pair<std::string, std::string>> asked;
  std::set<std::pair<std::string, std::string>> stored;
  for (const auto& member : plan.members) asked.emplace(member.name, member.peer_address);
  for (const auto& member : record.members) stored.emplace(member.name, member.peer_address);
  return asked == stored && ProfileOf(plan) == record.profile;
}

std::string Describe(const FormationRecord& record) {
  std::string text;
  for (const MemberInfo& member : record.members) {
    text += (text.empty() ? "" : ",") + member.name + "=" + member.peer_address;
  }
  return text + " (" + record.profile + ")";
}

Failure ToFailure(const absl::Status& status, Reason reason) {
  Failure failure;
  failure.code = status.code();
  failure.reason = reason;
  failure.message = std::string(status.message());
  return failure;
}

Id128 RandomCluster() {
  std::random_device device;
  Id128 id;
  while (id.IsZero()) {
    id = {uint64_t{device()} << 32 | device(), uint64_t{device()} << 32 | device()};
  }
  return id;
}

}  // namespace

std::string PlanProblem(const InitPlan& plan) {
  if (plan.members.empty()) return "no member is listed: --members n1=HOST:PORT,...";
  if (plan.members.size() > Formation::kMembersMax) {
    return "a cluster is formed with at most " + std::to_string(Formation::kMembersMax) +
           " members";
  }
  if (!plan.profile.empty() && plan.profile != "lan" && plan.profile != "wan") {
    return "profile \"" + plan.profile + "\" is not known: lan or wan";
  }
  std::set<std::string> names;
  std::set<std::string> addresses;
  for (const InitPlan::Planned& member : plan.members) {
    if (std::string problem = NameProblem(member.name); !problem.empty()) return problem;
    if (std::string problem = AddressProblem(member.peer_address); !problem.empty()) {
      return problem;
    }
    if (!names.insert(member.name).second) return "node " + member.name + " is listed twice";
    if (!addresses.insert(member.peer_address).second) {
      return "the address " + member.peer_address + " is listed twice";
    }
  }
  return "";
}

Formation::Formation(DataDirectory* directory, Self self, PeerCaller* caller, Clock* clock,
                     Worker* worker, Worker* coordinator, std::function<void()> formed,
                     std::function<void()> reopen)
    : self_(std::move(self)),
      caller_(caller),
      clock_(clock),
      worker_(worker),
      coordinator_(coordinator),
      formed_(std::move(formed)),
      reopen_(std::move(reopen)),
      directory_(directory),
      directory_id_(directory->id()),
      formed_record_(directory->formation()) {}

NodeCard Formation::Identify() const {
  NodeCard card{self_.name, directory_id_, {}, self_.client_address, self_.peer_address};
  MutexLock lock(&mutex_);
  if (formed_record_) card.cluster = formed_record_->cluster;
  return card;
}

std::optional<FormationRecord> Formation::Formed() const {
  MutexLock lock(&mutex_);
  return formed_record_;
}

void Formation::Join(FormationRecord record, std::function<void(std::string)> done) {
  auto answer = std::make_shared<AnswerOnce<std::string>>(
      std::move(done), "the node is busy or stopping: try again");
  worker_->Post([this, record = std::move(record), answer] { answer->Give(JoinNow(record)); });
}

void Formation::Recover(FormationRecord record, std::function<void(std::string)> done) {
  auto answer = std::make_shared<AnswerOnce<std::string>>(
      std::move(done), "the node is busy or stopping: try again");
  worker_->Post([this, record = std::move(record), answer] {
    {
      MutexLock lock(&disk_mutex_);
      const absl::Status stored = directory_->StoreRecovery(record);
      if (!stored.ok()) return answer->Give(std::string(stored.message()));
    }
    {
      MutexLock lock(&mutex_);
      formed_record_ = record;
    }
    answer->Give("");
    reopen_();
  });
}

void Formation::LeftBehind(const std::string& why) {
  worker_->Post([this, why] {
    MutexLock lock(&disk_mutex_);
    if (!directory_->left_behind().empty()) return;
    const absl::Status noted = directory_->NoteLeftBehind(why);
    spdlog::critical("{}{}", why, noted.ok() ? "" : ": " + std::string(noted.message()));
    if (noted.ok()) reopen_();
  });
}

void Formation::Init(InitPlan plan, int64_t deadline_us, std::function<void(InitOutcome)> done) {
  InitOutcome busy;
  busy.failure = ToFailure(absl::UnavailableError("the node is busy or stopping: try again"),
                           Reason::kOverloaded);
  auto answer = std::make_shared<AnswerOnce<InitOutcome>>(std::move(done), std::move(busy));
  coordinator_->Post([this, plan = std::move(plan), deadline_us, answer] {
    answer->Give(InitNow(plan, deadline_us));
  });
}

std::string Formation::JoinNow(const FormationRecord& record) {
  {
    MutexLock lock(&disk_mutex_);
    const std::optional<FormationRecord>& formed = directory_->formation();
    if (formed) {
      if (formed->cluster == record.cluster && formed->self == record.self) return "";
      return "it belongs to cluster " + ToString(formed->cluster) + " already";
    }
    if (record.epoch < Epoch{1}) return "epochs begin with 1";
    if (record.cluster_version > kClusterVersion) {
      return "the cluster has version " + std::to_string(record.cluster_version) +
             ", this build knows " + std::to_string(kClusterVersion) + ": upgrade this node";
    }
    if (record.profile != "lan" && record.profile != "wan") {
      return "profile \"" + record.profile + "\" is not known here";
    }
    const auto me = std::find_if(record.members.begin(), record.members.end(),
                                 [&](const MemberInfo& m) { return m.node == record.self; });
    if (me == record.members.end())
      return "epoch " + std::to_string(record.epoch.value) + " does not name it";
    if (me->directory != directory_id_) {
      return "its data directory is " + ToString(directory_id_) + ", the plan has " +
             ToString(me->directory) + ": it was emptied after the plan was made";
    }
    if (me->name != self_.name) return "it is called " + self_.name + ", not " + me->name;
    if (absl::Status status = directory_->StoreFormation(record); !status.ok()) {
      return std::string(status.message());
    }
  }
  {
    MutexLock lock(&mutex_);
    formed_record_ = record;
  }
  formed_();
  return "";
}

InitOutcome Formation::InitNow(const InitPlan& plan, int64_t deadline_us) {
  InitOutcome outcome;
  if (const std::string problem = PlanProblem(plan); !problem.empty()) {
    outcome.failure = InvalidRequest(problem);
    return outcome;
  }
  std::optional<FormationRecord> known;
  {
    MutexLock lock(&disk_mutex_);
    known = directory_->formation() ? directory_->formation() : directory_->plan();
  }
  if (known && !SamePlan(plan, *known)) {
    outcome.failure = ToFailure(
        absl::FailedPreconditionError("this node was formed, or is being formed, as " +
                                      Describe(*known) +
                                      ": repeat that plan, or use empty data directories"),
        Reason::kFormedDifferently);
    return outcome;
  }
  FormationRecord made;
  if (!known) {
    if (absl::Status status = MakePlan(plan, deadline_us, &made); !status.ok()) {
      outcome.failure =
          ToFailure(status, absl::IsUnavailable(status)       ? Reason::kNone
                            : absl::IsInvalidArgument(status) ? Reason::kInvalidArgument
                                                              : Reason::kFormedDifferently);
      return outcome;
    }
    known = made;
  }
  bool news = false;
  if (absl::Status status = CarryOut(*known, deadline_us, &news); !status.ok()) {
    outcome.failure =
        ToFailure(status, absl::IsUnavailable(status) ? Reason::kNone : Reason::kFormedDifferently);
    return outcome;
  }
  outcome.cluster = known->cluster;
  outcome.members = known->members;
  outcome.already_formed = !news;
  return outcome;
}

absl::Status Formation::CheckCard(const InitPlan::Planned& planned, const NodeCard& card) const {
  if (card.name != planned.name) {
    return absl::InvalidArgumentError("the node at " + planned.peer_address + " is called " +
                                      card.name + ", not " + planned.name);
  }
  if (!card.cluster.IsZero()) {
    return absl::FailedPreconditionError(planned.name + " at " + planned.peer_address +
                                         " belongs to cluster " + ToString(card.cluster) +
                                         " already: form with empty data directories");
  }
  return absl::OkStatus();
}

absl::Status Formation::MakePlan(const InitPlan& plan, int64_t deadline_us, FormationRecord* made) {
  made->cluster = RandomCluster();
  made->epoch = Epoch{1};
  made->cluster_version = kClusterVersion;
  made->profile = ProfileOf(plan);
  std::set<Id128> directories;
  for (const InitPlan::Planned& planned : plan.members) {
    NodeCard card;
    if (planned.name == self_.name) {
      card = Identify();
    } else {
      absl::StatusOr<NodeCard> answer =
          caller_->Identify(planned.peer_address, LeftUs(deadline_us));
      if (!answer.ok()) return answer.status();
      card = *std::move(answer);
    }
    if (absl::Status status = CheckCard(planned, card); !status.ok()) return status;
    if (!directories.insert(card.directory).second) {
      return absl::InvalidArgumentError(planned.peer_address +
                                        " answers for a node that is listed before");
    }
    made->members.push_back({NodeId{static_cast<uint32_t>(made->members.size() + 1)}, planned.name,
                             card.directory, card.client_address, planned.peer_address,
                             v1::ROLE_VOTER});
  }
  MutexLock lock(&disk_mutex_);
  if (directories.count(directory_id_) == 0) {
    return absl::InvalidArgumentError("this node, " + self_.name +
                                      ", is not in the plan: send init to a member");
  }
  if (directory_->formation()) {
    return absl::UnavailableError("another formation overtook this one: repeat it");
  }
  return directory_->StorePlan(*made);
}

absl::Status Formation::CarryOut(const FormationRecord& plan, int64_t deadline_us, bool* news) {
  bool joined = false;  // some member has this plan
  for (const MemberInfo& member : plan.members) {
    FormationRecord record = plan;
    record.self = member.node;
    absl::Status status;
    if (member.name == self_.name) {
      if (!Formed()) *news = true;
      const std::string refused = JoinNow(record);
      if (!refused.empty()) {
        status = absl::FailedPreconditionError(self_.name + " refuses: " + refused);
      }
    } else {
      const absl::StatusOr<NodeCard> card =
          caller_->Identify(member.peer_address, LeftUs(deadline_us));
      if (card.ok() && card->cluster == plan.cluster) {
        joined = true;
        continue;
      }
      *news = true;
      status = card.ok() ? caller_->Join(member.peer_address, record, LeftUs(deadline_us))
                         : card.status();
    }
    if (status.ok()) {
      joined = true;
      continue;
    }
    MutexLock lock(&disk_mutex_);
    // Another coordinator was first: this plan has formed nobody and never will.
    if (absl::IsFailedPrecondition(status) && !joined && !directory_->formation() &&
        directory_->plan()) {
      if (absl::Status dropped = directory_->DropPlan(); !dropped.ok()) return dropped;
    }
    return status;
  }
  return absl::OkStatus();
}

int64_t Formation::LeftUs(int64_t deadline_us) const {
  const int64_t left_us = deadline_us - clock_->LeaseNowUs();
  return std::clamp<int64_t>(left_us, 1000, kCallTimeoutUs);
}

}  // namespace baton::server
