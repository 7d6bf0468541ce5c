#include "tests/server/replica/sim_cluster.h"

#include <optional>
#include <utility>

#include "base/check.h"

namespace baton::server {
namespace {

sim::Plan PlanOf(const SimOptions& options) {
  sim::Plan plan;
  plan.seed = options.seed;
  plan.roles.assign(options.nodes, consensus::Role::kVoter);
  if (options.witness != 0) plan.roles[options.witness - 1] = consensus::Role::kWitness;
  plan.spares.assign(options.spares, consensus::Role::kLearner);
  plan.cold_cache = options.cold_cache;
  plan.through_codec = true;
  plan.segment_bytes = 256 << 10;
  const ReplicaOptions shipped;
  plan.replay_bytes_max = shipped.replay_bytes_max;
  plan.truncate_bytes_min = shipped.truncate_bytes_min;
  return plan;
}

}  // namespace

SimCluster::SimCluster(const SimOptions& options)
    : cluster_(PlanOf(options), nullptr, options.adjust),
      agreement_(&cluster_),
      invariants_(&cluster_, &agreement_),
      given_(&cluster_) {
  cluster_.Watch(&agreement_);
  cluster_.Watch(&invariants_);
  cluster_.Watch(&given_);
  sim::Weather& weather = cluster_.network().weather();
  weather.drop = options.drop;
  weather.duplicate = options.duplicate;
  weather.delay_us_max = options.delay_us_max;
  for (uint32_t n = 1; n <= size(); ++n) {
    cluster_.Supervise(n, false);
    if (cluster_.machine(n).in_use()) Start(n);
  }
}

void SimCluster::Join(uint32_t n, Epoch epoch, const std::vector<MemberInfo>& members) {
  cluster_.machine(n).Join(epoch, members);
  Start(n);
}

void SimCluster::Start(uint32_t n) {
  const absl::Status status = TryStart(n);
  BATON_CHECK(status.ok()) << std::string(status.message());
}

absl::Status SimCluster::TryStart(uint32_t n) {
  const absl::Status status = cluster_.machine(n).Start();
  if (status.ok()) cluster_.machine(n).ExpectDeath();  // the test looks at fatal()
  return status;
}

void SimCluster::Crash(uint32_t n, bool tear) {
  sim::Machine& machine = cluster_.machine(n);
  if (machine.up()) machine.Die(tear ? sim::Death::kTornPowerCut : sim::Death::kPowerCut);
}

void SimCluster::Stop(uint32_t n) { cluster_.machine(n).Die(sim::Death::kStop); }

void SimCluster::Isolate(uint32_t n, bool isolated) {
  for (uint32_t other = 1; other <= size(); ++other) {
    if (other == n) continue;
    cluster_.network().Cut(n, other, isolated);
    cluster_.network().Cut(other, n, isolated);
  }
}

void SimCluster::Pause(uint32_t n, bool paused) {
  sim::Machine& machine = cluster_.machine(n);
  if (paused) {
    machine.Pause();
  } else {
    machine.Resume();
  }
}

void SimCluster::StickDisk(uint32_t n, bool stuck) {
  sim::Machine& machine = cluster_.machine(n);
  sim::Pace pace = machine.disk_pace();
  pace.stuck = stuck;
  machine.SetPace(sim::StageOf::kLog, pace);
}

void SimCluster::SlowDisk(uint32_t n, int64_t takes_us) {
  sim::Machine& machine = cluster_.machine(n);
  machine.SetPace(sim::StageOf::kLog,
                  takes_us == 0 ? machine.disk_pace() : sim::Pace{takes_us, takes_us + 1});
}

uint32_t SimCluster::ElectLeader(int64_t for_us) {
  RunUntil([this] { return Leader() != 0; }, for_us);
  return Leader();
}

uint32_t SimCluster::ElectAndRecord() {
  ElectLeader();
  RunFor(kRecordUs);
  return Leader();
}

uint64_t SimCluster::Submit(uint32_t n, std::vector<Request> requests, int64_t timeout_us,
                            const ReadLevel& level) {
  const uint64_t first = next_tag_;
  if (cluster_.machine(n).paused()) {
    for (Request& request : requests) {
      const auto done = [sink = sink_, tag = next_tag_++](const Answer* answer) {
        if (answer != nullptr) sink->Answered(tag, *answer);
      };
      cluster_.machine(n).Call(std::move(request), timeout_us, done, level);
    }
    return first;
  }
  std::vector<Call> calls;
  for (Request& request : requests) {
    Call call;
    call.tag = next_tag_++;
    call.context.deadline_us = cluster_.machine(n).clock().LeaseNowUs() + timeout_us;
    call.request = std::move(request);
    call.level = level;
    calls.push_back(std::move(call));
  }
  node(n)->Submit(std::move(calls), sink_);
  cluster_.machine(n).Settle();
  return first;
}

Answer SimCluster::Do(uint32_t n, Request request, int64_t timeout_us, const ReadLevel& level) {
  const uint64_t tag = Submit(n, {std::move(request)}, timeout_us, level);
  const bool answered = RunUntil([&] { return sink_->answers.count(tag) != 0; }, 2 * timeout_us);
  BATON_CHECK(answered) << "call " << tag << " was never answered";
  return sink_->answers.at(tag);
}

Answer SimCluster::Put(uint32_t n, const std::string& key, const std::string& value) {
  return Do(n, engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{key, value}}});
}

Answer SimCluster::Get(uint32_t n, const std::string& key) {
  return Do(n, GetCall{kDefaultKeyspace, {key}});
}

Answer SimCluster::GetHere(uint32_t n, const std::string& key, const ReadLevel& level,
                           int64_t timeout_us) {
  return Do(n, GetCall{kDefaultKeyspace, {key}}, timeout_us, level);
}

void SimCluster::AskForMembers(uint32_t n, MembersCall call, int64_t timeout_us,
                               std::optional<MembersResult>* result) {
  cluster_.machine(n).ChangeMembers(std::move(call), timeout_us, [result](const MembersResult* r) {
    if (r != nullptr) *result = *r;
  });
}

MembersResult SimCluster::ChangeMembers(uint32_t n, MembersCall call, int64_t timeout_us) {
  std::optional<MembersResult> result;
  AskForMembers(n, std::move(call), timeout_us, &result);
  RunUntil([&] { return result.has_value(); }, 2 * timeout_us);
  BATON_CHECK(result.has_value()) << "a change of members was never answered";
  return *result;
}

void SimCluster::AskForHandover(uint32_t n, HandoverCall call, int64_t timeout_us,
                                std::optional<HandoverResult>* result) {
  cluster_.machine(n).Handover(std::move(call), timeout_us, [result](const HandoverResult* r) {
    if (r != nullptr) *result = *r;
  });
}

HandoverResult SimCluster::Handover(uint32_t n, HandoverCall call, int64_t timeout_us) {
  std::optional<HandoverResult> result;
  AskForHandover(n, std::move(call), timeout_us, &result);
  RunUntil([&] { return result.has_value(); }, 2 * timeout_us);
  BATON_CHECK(result.has_value()) << "a handover was never answered";
  return *result;
}

DigestResult SimCluster::Digest(uint32_t n, Slot slot) {
  std::optional<DigestResult> result;
  node(n)->Digest(kDefaultKeyspace, slot, cluster_.machine(n).clock().LeaseNowUs() + 5'000'000,
                  [&result](DigestResult r) { result = std::move(r); });
  cluster_.machine(n).Settle();
  RunUntil([&] { return result.has_value(); }, 10'000'000);
  BATON_CHECK(result.has_value());
  return *result;
}

}  // namespace baton::server
