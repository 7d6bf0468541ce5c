#include "tests/sim/cluster.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::sim {
namespace {

constexpr int64_t kRestartUsMin = 20'000;
constexpr int64_t kRestartUsMax = 3'000'000;
constexpr int64_t kRetryUs = 300'000;  // of a start that the disk had no space for

std::string Describe(const consensus::Membership& membership) {
  std::string text = "epoch " + std::to_string(membership.epoch.value) + " {";
  for (const consensus::Member& member : membership.members) {
    text += " " + std::to_string(member.node.value);
    if (member.role == consensus::Role::kLearner) text += "L";
    if (member.role == consensus::Role::kWitness) text += "W";
  }
  text += " }";
  if (membership.joint()) text += " and {";
  for (const consensus::Member& member : membership.outgoing) {
    text += " " + std::to_string(member.node.value);
  }
  return membership.joint() ? text + " }" : text;
}

std::string DescribeNode(const Machine& machine) {
  std::string text = "n" + std::to_string(machine.number());
  if (!machine.in_use()) return text + " is spare";
  if (!machine.up()) {
    text += " is down;";
  } else if (const consensus::Replica* core = machine.core(); core != nullptr) {
    static constexpr const char* kStandings[] = {" follows", " stands", " leads"};
    text += kStandings[static_cast<size_t>(core->standing())];
    text += " promised " + ToString(core->promised()) + " log " + ToString(core->log().base()) +
            " to " + ToString(core->log().last()) + " durable " + ToString(core->durable()) +
            " commit " + ToString(core->commit()) + ";";
  } else {
    text += " is faulty;";
  }
  for (const consensus::Configuration& each : machine.configurations().all()) {
    text += " " + ToString(each.at) + " " + Describe(each.membership);
  }
  return text;
}

}  // namespace

Cluster::Cluster(const Plan& plan, std::FILE* print,
                 const std::function<void(server::ReplicaOptions*)>& adjust)
    : plan_(plan),
      random_(plan.seed),
      trace_(print),
      network_(&schedule_, &random_, &coverage_, plan.nodes(), plan.through_codec,
               [this](consensus::Message message) {
                 trace_.Say(now_us(), message.to.value, "receives", message.from.value,
                            message.body.index());
                 machine(message.to.value).Receive(std::move(message));
               }),
      supervised_(plan.nodes(), true) {
  Machine::Around around;
  around.schedule = &schedule_;
  around.random = &random_;
  around.trace = &trace_;
  around.coverage = &coverage_;
  around.transport = this;
  around.turned = [this](Machine& machine, StageOf stage) {
    trace_.Say(now_us(), machine.number(), "turn", static_cast<uint64_t>(stage));
    for (Watcher* watcher : watchers_) watcher->Turned(machine, stage);
  };
  around.started = [this](Machine& machine) {
    for (Watcher* watcher : watchers_) watcher->Started(machine);
  };
  around.died = [this](Machine& machine) { Buried(machine); };
  around.reopened = [this](Machine& machine) {
    if (!machine.up()) Start(machine);
  };
  around.violated = [this](const std::string& what) { Violated(what); };
  for (uint32_t n = 1; n <= plan.nodes(); ++n) {
    Machine::Kit kit;
    kit.lease_now_us = random_.Between(1, 1'000'000'000);
    kit.rate_ppm = random_.Between(-plan.rate_ppm_max, plan.rate_ppm_max);
    kit.cold_cache = plan.cold_cache;
    kit.has_engine = plan.RoleOf(n) != consensus::Role::kWitness;
    kit.disk_pace = Pace{20, plan.disk_us_max};
    server::ReplicaOptions options = OptionsOf(n);
    if (adjust) adjust(&options);
    machines_.push_back(std::make_unique<Machine>(around, options, kit));
  }
}

Cluster::~Cluster() = default;

server::ReplicaOptions Cluster::OptionsOf(uint32_t n) const {
  server::ReplicaOptions options;
  options.cluster = Id128{7, 7};
  if (n <= plan_.roles.size()) {
    for (uint32_t i = 1; i <= plan_.roles.size(); ++i) {
      options.members.push_back(InfoOf(i, plan_.RoleOf(i)));
    }
  }
  options.self = InfoOf(n, plan_.RoleOf(n));
  options.wal_directory = "/n" + std::to_string(n) + "/wal";
  options.snapshot_directory = "/n" + std::to_string(n) + "/snapshots";
  options.dropped_directory = "/n" + std::to_string(n) + "/dropped";
  options.log_retention_bytes = plan_.log_retention_bytes;
  options.write_objective_us = plan_.write_objective_us;
  options.wal.segment_bytes = plan_.segment_bytes;
  options.wal.segments_ahead = 1;
  options.wal.zero_fill_bytes_per_s = 0;
  options.disk_reserve_bytes = plan_.disk_reserve_bytes;
  options.replay_bytes_max = plan_.replay_bytes_max;
  options.truncate_bytes_min = plan_.truncate_bytes_min;
  return options;
}

server::MemberInfo Cluster::InfoOf(uint32_t n, consensus::Role role) {
  server::MemberInfo member;
  member.node = NodeId{n};
  member.name = "n" + std::to_string(n);
  member.directory = Id128{1, n};
  member.client_address = "sim:" + std::to_string(n);
  member.role = static_cast<uint32_t>(role);
  return member;
}

Machine& Cluster::AnyMachine() {
  std::vector<Machine*> in_use;
  for (auto& machine : machines_) {
    if (machine->in_use()) in_use.push_back(machine.get());
  }
  return *in_use[random_.Below(in_use.size())];
}

uint32_t Cluster::Leader() {
  for (uint32_t n = 1; n <= size(); ++n) {
    if (machine(n).serving() && machine(n).process()->metrics().is_leader.Get() == 1) return n;
  }
  return 0;
}

void Cluster::Violated(const std::string& what) {
  if (!violation_.empty()) return;
  violation_ = what;
  trace_.Tell(now_us(), "VIOLATED: " + what);
  if (!trace_.printing()) return;
  for (const auto& machine : machines_) trace_.Tell(now_us(), DescribeNode(*machine));
}

void Cluster::StartAll() {
  for (auto& machine : machines_) {
    if (machine->in_use()) Start(*machine);
  }
}

void Cluster::Start(Machine& machine) {
  const bool cut = chaos_ && random_.Chance(plan_.cut_in_recovery);
  const absl::Status status =
      machine.Start(cut ? static_cast<int64_t>(random_.Below(12)) : int64_t{-1});
  if (machine.up()) return;
  if (!status.ok() && !absl::IsResourceExhausted(status)) {
    return Violated("node " + std::to_string(machine.number()) +
                    " does not start: " + std::string(status.message()));
  }
  schedule_.After(kRetryUs, [this, &machine] {
    if (!machine.up() && supervised_[machine.number() - 1]) Start(machine);
  });
}

void Cluster::Buried(Machine& machine) {
  for (Watcher* watcher : watchers_) watcher->Died(machine);
  schedule_.After(random_.Skewed(kRestartUsMin, kRestartUsMax), [this, &machine] {
    if (!machine.up() && supervised_[machine.number() - 1]) Start(machine);
  });
}

void Cluster::HealNode(uint32_t n) {
  Machine& healed = machine(n);
  healed.Heal();
  if (healed.in_use() && !healed.up()) Start(healed);
}

void Cluster::HealLinks(const std::vector<uint32_t>& among) {
  network_.weather() = Weather{};
  for (const uint32_t from : among) {
    for (const uint32_t to : among) {
      if (from != to) network_.Heal(from, to);
    }
  }
}

bool Cluster::RunUntil(const std::function<bool()>& done, int64_t us) {
  const int64_t until_us = now_us() + us;
  while (violation_.empty()) {
    if (done()) return true;
    if (!schedule_.RunNext(until_us)) return done();
  }
  return false;
}

void Cluster::Send(consensus::Message message) {
  for (Watcher* watcher : watchers_) watcher->Sent(message);
  network_.Send(std::move(message));
}

}  // namespace baton::sim
