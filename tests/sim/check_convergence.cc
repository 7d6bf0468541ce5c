#include "tests/sim/check_convergence.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/state/digest.h"
#include "tests/sim/memberships.h"

namespace baton::sim {
namespace {

constexpr int64_t kWaitUs = 20'000'000;
// Until what was dropped from logs is told: the rest between two tellings doubles up to a minute.
constexpr int64_t kToldUs = 150'000'000;

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

// Nodes that can tell, all have.
bool AllLossesTold(Cluster* cluster) {
  for (const uint32_t n : CurrentMembers(*cluster)) {
    Machine& machine = cluster->machine(n);
    if (!machine.up()) return false;
    if (machine.faulty() || !machine.has_engine()) continue;
    const auto names = machine.disk().List("/n" + std::to_string(n) + "/dropped");
    if (!names.ok()) return false;
    // One that could not be written is left until the next is.
    for (const std::string& name : *names) {
      if (name.ends_with(".dropped")) return false;
    }
  }
  return true;
}

// The node whose system rows are others than those of the node before it; 0: none. Losses may be
// told once more than needed, which writes their rows again.
uint32_t OddOne(Cluster* cluster) {
  std::optional<uint64_t> first;
  for (const uint32_t n : CurrentMembers(*cluster)) {
    Machine& machine = cluster->machine(n);
    if (machine.faulty() || !machine.has_engine()) continue;
    const uint64_t system = SystemDigest(&machine);
    if (!first) first = system;
    if (system != *first) return n;
  }
  return 0;
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
  if (!cluster->RunUntil([cluster] { return AllLossesTold(cluster); }, kToldUs)) {
    return cluster->Violated("convergence: what was dropped from a log has not been told");
  }
  const std::optional<Slot> slot = WriteLast(cluster);
  if (!slot) return cluster->Violated("convergence: no last entry could be written");
  std::optional<uint64_t> first;
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
    if (digest->digest != *first) return cluster->Violated(node + " holds other data");
  }
  const int64_t until_us = cluster->now_us() + kWaitUs;
  while (OddOne(cluster) != 0 && cluster->now_us() < until_us) cluster->RunFor(100'000);
  if (const uint32_t n = OddOne(cluster); n != 0) {
    cluster->Violated("convergence: node " + std::to_string(n) + " holds other system rows");
  }
}

}  // namespace baton::sim
