#include "tests/sim/plan.h"

#include <algorithm>

#include "tests/sim/nemesis.h"

namespace baton::sim {
namespace {

using consensus::Role;

std::vector<Role> DrawRoles(Random* random) {
  constexpr Role kV = Role::kVoter;
  switch (random->Below(10)) {
    case 0:
    case 1:
      return {kV, kV, kV, kV, kV};
    case 2:
      return {kV, kV, kV, kV};
    case 3:
      return {kV, kV, kV, Role::kLearner};
    case 4:
      return {kV, kV, Role::kWitness};
    case 5:
      return {kV, kV, kV, kV, Role::kWitness};
    default:
      return {kV, kV, kV};
  }
}

// Members change in some of the seeds.
void DrawMembership(Random* random, Plan* plan) {
  if (!random->OneIn(3)) return;
  plan->workloads.emplace_back("membership");
  const uint64_t spares = random->OneIn(6) ? 0 : 1 + random->Below(2);
  while (plan->spares.size() < spares) {
    plan->spares.push_back(random->OneIn(6) ? Role::kWitness : Role::kLearner);
  }
  // With witnesses a change may need the very voter that is damaged to come to its end.
  const auto witness = [](const std::vector<Role>& roles) {
    return std::find(roles.begin(), roles.end(), Role::kWitness) != roles.end();
  };
  if (witness(plan->roles) || witness(plan->spares)) std::erase(plan->nemeses, "damage");
}

bool Has(const Plan& plan, std::string_view name) {
  for (const std::string& nemesis : plan.nemeses) {
    if (nemesis == name) return true;
  }
  return false;
}

}  // namespace

Plan DrawPlan(uint64_t seed) {
  Random random(seed * 0x9e3779b97f4a7c15 + 1);
  Plan plan;
  plan.seed = seed;
  plan.roles = DrawRoles(&random);
  plan.chaos_us = random.Between(3'000'000, 12'000'000);
  plan.clients = static_cast<uint32_t>(random.Between(2, 8));
  plan.keys = static_cast<uint32_t>(random.Between(1, 6));
  plan.think_us_max = random.Skewed(20'000, 300'000);
  if (random.OneIn(3)) plan.value_bytes_max = static_cast<uint32_t>(random.Skewed(64, 12'000));
  plan.replay_bytes_max = static_cast<uint64_t>(random.Skewed(8 << 10, 256 << 10));
  plan.truncate_bytes_min = static_cast<uint64_t>(random.Skewed(4 << 10, 64 << 10));
  if (random.OneIn(2)) {  // those that are away come back by snapshots
    plan.log_retention_bytes = static_cast<uint64_t>(random.Skewed(2 << 10, 64 << 10));
  }
  plan.cold_cache = random.OneIn(3);
  plan.through_codec = random.OneIn(4);
  if (random.OneIn(2)) plan.rate_ppm_max = 24'900;  // 5 % between any two: see consensus/config.h
  plan.disk_us_max = random.Skewed(100, 5'000);
  const uint64_t one_in = random.OneIn(3) ? 5 : 2;  // few faults, or many
  for (const Nemesis& nemesis : AllNemeses()) {
    if (random.OneIn(one_in)) plan.nemeses.emplace_back(nemesis.name);
  }
  if ((Has(plan, "power") || Has(plan, "mid-write")) && random.OneIn(2)) {
    plan.cut_in_recovery = 0.2;
  }
  if (Has(plan, "disk-full")) {
    plan.segment_bytes = 256 << 10;  // room for elections while it is full
    // As with the shipped limits, what one peer sends at once fits the segments ahead.
    plan.value_bytes_max = std::min<uint32_t>(plan.value_bytes_max, 512);
    if (random.OneIn(2)) plan.disk_reserve_bytes = plan.segment_bytes;
  }
  DrawMembership(&random, &plan);
  if (random.OneIn(3)) plan.workloads.emplace_back("sessions");
  if (random.OneIn(3)) plan.workloads.emplace_back("async");
  if (random.OneIn(3)) {
    plan.workloads.emplace_back("handovers");
    plan.write_objective_us = random.Skewed(2'000, 500'000);
  }
  return plan;
}

std::string Describe(const Plan& plan) {
  std::string text = "seed " + std::to_string(plan.seed) + ":";
  for (const Role role : plan.roles) {
    text += role == Role::kVoter ? " voter" : role == Role::kLearner ? " learner" : " witness";
  }
  for (const Role role : plan.spares) {
    text += role == Role::kWitness ? " +witness" : " +learner";
  }
  text += ", " + std::to_string(plan.chaos_us / 1'000) + " ms, " + std::to_string(plan.clients) +
          " clients, " + std::to_string(plan.keys) + " keys";
  if (plan.value_bytes_max != 0) text += ", padded";
  if (plan.cold_cache) text += ", cold cache";
  if (plan.through_codec) text += ", through the codec";
  if (plan.rate_ppm_max != 0) text += ", drifting clocks";
  for (const std::string& workload : plan.workloads) {
    if (workload == "membership") text += ", members change";
    if (workload == "sessions") text += ", sessions";
    if (workload == "async") text += ", async";
    if (workload == "handovers") text += ", handovers";
  }
  text += ";";
  for (const std::string& nemesis : plan.nemeses) text += " " + nemesis;
  return text;
}

}  // namespace baton::sim
