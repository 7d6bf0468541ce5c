#include "tests/sim/check_convergence.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/state/digest.h"
#include "tests/sim/memberships.h"

namespace baton::sim {
namespace {

constexpr int64_t kWaitUs = 20'000'000;

// A last entry; nothing if it cannot be written.
std::optional<Slot> WriteLast(Cluster* cluster) {
  constexpr int kTriesMax = 50;
  std::optional<Slot> slot;
  for (int i = 0; i < kTriesMax && !slot; ++i) {
    if (const uint32_t leader = cluster->Leader(); leader != 0) {
      cluster->machine(leader).Call(
          engine::WriteRequest{kDefaultKeyspace, {engine::PutOp{"last", std::to_string(i)}}},
          1'000'000, [&slot](const server::Answer* answer) {
            if (answer != nullptr && answer->failure.ok()) slot = answer->position.slot;
          });
    }
    cluster->RunUntil([&] { return slot.has_value(); }, 1'100'000);
  }
  return slot;
}

// A node that starts anew with a snapshot meanwhile is asked again.
std::optional<server::DigestResult> DigestAt(Cluster* cluster, uint32_t n, Slot slot) {
  std::optional<server::DigestResult> digest;
  Machine& machine = cluster->machine(n);
  const int64_t until_us = cluster->now_us() + kWaitUs;
  do {
    digest.reset();
    if (!cluster->RunUntil([&] { return machine.up(); }, kWaitUs)) return digest;
    machine.process()->Digest(
        kDefaultKeyspace, slot, machine.clock().LeaseNowUs() + kWaitUs,
        [&digest](server::DigestResult result) { digest = std::move(result); });
    cluster->RunUntil([&] { return digest.has_value(); }, kWaitUs + 1'000'000);
  } while (digest && digest->failure.reason == server::Reason::kShuttingDown &&
           cluster->now_us() < until_us);
  return digest;
}

uint64_t SystemDigest(Machine* machine) {
  const auto digest = engine::DigestKeyspace(*machine->engine().NewSnapshot(), kSystemKeyspace);
  return digest.ok() ? digest->digest : 0;
}

// "" if the node knows these members, and of no change.
std::string WhyNotSettled(Machine* machine, const consensus::Membership& newest) {
  const std::string node = "node " + std::to_string(machine->number());
  if (!machine->up()) return node + " is down";
  if (machine->faulty()) return "";
  const server::NodeStatus status = machine->process()->Status();
  if (status.changing) return "a change is under way at " + node;
  if (status.epoch != newest.epoch || machine->core()->membership() != newest) {
    return node + " is in epoch " + std::to_string(status.epoch.value);
  }
  return "";
}

std::string WhyNotSettled(Cluster* cluster) {
  const consensus::Membership newest = NewestChosen(*cluster);
  for (const uint32_t n : CurrentMembers(*cluster)) {
    std::string why = WhyNotSettled(&cluster->machine(n), newest);
    if (!why.empty()) return why;
  }
  return "";
}

}  // namespace

void RequireSettled(Cluster* cluster, int64_t us) {
  if (cluster->RunUntil([cluster] { return WhyNotSettled(cluster).empty(); }, us)) return;
  cluster->Violated("members: they do not agree on epoch " +
                    std::to_string(NewestChosen(*cluster).epoch.value) + ": " +
                    WhyNotSettled(cluster));
}

void CheckConvergence(Cluster* cluster) {
  const std::optional<Slot> slot = WriteLast(cluster);
  if (!slot) return cluster->Violated("convergence: no last entry could be written");
  std::optional<uint64_t> first;
  std::optional<uint64_t> first_system;
  for (const uint32_t n : CurrentMembers(*cluster)) {
    Machine& machine = cluster->machine(n);
    const std::string node = "convergence: node " + std::to_string(n);
    if (!machine.up()) return cluster->Violated(node + " is down");
    if (machine.faulty() || !machine.has_engine()) continue;
    const auto digest = DigestAt(cluster, n, *slot);
    if (!digest || !digest->failure.ok()) {
      return cluster->Violated(node + " does not reach slot " + ToString(*slot) + ": " +
                               (digest ? digest->failure.message : "no answer"));
    }
    if (!first) first = digest->digest;
    const uint64_t system = SystemDigest(&machine);
    if (!first_system) first_system = system;
    if (digest->digest != *first) return cluster->Violated(node + " holds other data");
    if (system != *first_system) return cluster->Violated(node + " holds other system rows");
  }
}

}  // namespace baton::sim
