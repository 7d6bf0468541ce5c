#include "tests/sim/handover_workload.h"

#include <algorithm>
#include <utility>

#include "engine/state/system_rows.h"

namespace baton::sim {
namespace {

using server::HandoverCall;
using server::HandoverResult;
using server::HandoverRow;
using server::HandoverState;
using server::HandoverStep;
using server::ReignRow;

constexpr int kTriesMax = 400;
constexpr int64_t kTryAgainUs = 50'000;

// The same handover, further on or as far.
bool Begins(const HandoverRow& before, const HandoverRow& after) {
  if (before.number != after.number || before.order != after.order || before.actor != after.actor ||
      before.ballot != after.ballot || before.steps.size() > after.steps.size()) {
    return false;
  }
  return std::equal(before.steps.begin(), before.steps.end(), after.steps.begin());
}

bool TookPlace(const HandoverRow& row) {
  return std::any_of(row.steps.begin(), row.steps.end(),
                     [](const HandoverStep& step) { return step.state == HandoverState::kReign; });
}

}  // namespace

HandoverWorkload::HandoverWorkload(Cluster* cluster) : cluster_(cluster) {
  for (uint32_t i = 0; i < kIds; ++i) {
    server::HandoverOrder order;
    order.id = "h" + std::to_string(i);
    order.to = NodeId{static_cast<uint32_t>(cluster_->random().Below(cluster_->size() + 1))};
    order.deadline_us = cluster_->random().Skewed(50'000, 2'000'000);
    order.probation_us =
        cluster_->random().OneIn(4) ? 0 : cluster_->random().Skewed(10'000, 800'000);
    orders_.emplace(order.id, order);
  }
}

void HandoverWorkload::AskLater() {
  const int64_t wait_us = cluster_->random().Between(kPauseUsMin, kPauseUsMax);
  if (cluster_->now_us() + wait_us >= cluster_->plan().chaos_us) return;
  cluster_->schedule().After(wait_us, [this] {
    const uint32_t leader = cluster_->Leader();
    Machine& machine = leader == 0 || cluster_->random().OneIn(6) ? cluster_->AnyMachine()
                                                                  : cluster_->machine(leader);
    const HandoverCall call = Draw();
    if (machine.up()) Ask(&machine, call);
    if (call.what == HandoverCall::What::kStart && cluster_->random().OneIn(3)) {
      const bool sealed = cluster_->random().OneIn(2);
      AbortSoon(&machine, call, sealed ? kLooksMax : 0);
    }
    AskLater();
  });
}

// A handover takes some milliseconds: it is met in any of its states, or once it is sealed, which
// it is for a moment only: that is looked for so many times.
void HandoverWorkload::AbortSoon(Machine* machine, HandoverCall call, int looks) {
  call.what = HandoverCall::What::kAbort;
  const int64_t wait_us = looks > 0 ? kLookUs : cluster_->random().Skewed(500, 20'000);
  cluster_->schedule().After(wait_us, [this, machine, call, looks] {
    if (!machine->up() || machine->core() == nullptr) return;
    if (looks > 1 && !machine->core()->sealed()) return AbortSoon(machine, call, looks - 1);
    Ask(machine, call);
  });
}

HandoverCall HandoverWorkload::Draw() {
  HandoverCall call;
  call.order = orders_.at("h" + std::to_string(cluster_->random().Below(kIds)));
  call.actor = "operator";
  call.wait = cluster_->random().OneIn(2);
  if (cluster_->random().OneIn(8)) call.what = HandoverCall::What::kAbort;
  if (cluster_->random().OneIn(8)) call.what = HandoverCall::What::kShow;
  return call;
}

void HandoverWorkload::Ask(Machine* machine, HandoverCall call) {
  const std::string id = call.order.id;
  cluster_->trace().Say(cluster_->now_us(), machine->number(), "is asked for a handover",
                        static_cast<uint64_t>(call.what), call.order.to.value);
  machine->Handover(std::move(call), kTimeoutUs, [this, id](const HandoverResult* result) {
    if (result != nullptr) Told(id, *result);
  });
}

void HandoverWorkload::Told(const std::string& id, const HandoverResult& result) {
  const bool told = result.failure.ok();
  cluster_->trace().Say(cluster_->now_us(), 0, "is told of a handover", told,
                        told ? static_cast<uint64_t>(result.row->state()) : 0);
  if (!told) return;
  const HandoverRow& row = *result.row;
  if (row.order != orders_.at(id)) return Wrong(id, "has become another");
  const auto [place, first] = newest_.try_emplace(id, row);
  if (first) return;
  HandoverRow& newest = place->second;
  const bool longer = newest.steps.size() <= row.steps.size();
  if (!Begins(longer ? newest : row, longer ? row : newest)) {
    return Wrong(id, "was told in two ways");
  }
  if (longer) newest = row;
}

void HandoverWorkload::Finish() {
  const auto reigns = ReadReigns();
  if (!reigns) return Wrong("any", "the reigns cannot be listed in the end");
  std::map<uint64_t, std::string> numbers;
  for (const auto& [id, order] : orders_) {
    std::optional<HandoverRow> row;
    if (!ShowInTheEnd(id, &row)) return Wrong(id, "cannot be shown in the end");
    const auto told = newest_.find(id);
    if (!row) {
      if (told != newest_.end()) return Wrong(id, "was there, and is not any more");
      continue;
    }
    if (!server::Final(row->state())) return Wrong(id, "has no outcome in the end");
    if (told != newest_.end() && !Begins(told->second, *row)) {
      return Wrong(id, "has ended otherwise than was told");
    }
    if (!numbers.emplace(row->number, id).second) return Wrong(id, "has the number of another");
    CheckReigns(*row, *reigns);
    Count(*row);
  }
}

// Asks who leads until it is told.
bool HandoverWorkload::ShowInTheEnd(const std::string& id, std::optional<HandoverRow>* row) {
  HandoverCall call;
  call.what = HandoverCall::What::kShow;
  call.order.id = id;
  for (int i = 0; i < kTriesMax && cluster_->violation().empty(); ++i) {
    std::optional<HandoverResult> result;
    if (const uint32_t leader = cluster_->Leader(); leader != 0) {
      cluster_->machine(leader).Handover(call, kTimeoutUs, [&result](const HandoverResult* told) {
        if (told != nullptr) result = *told;
      });
      cluster_->RunUntil([&] { return result.has_value(); }, 2 * kTimeoutUs);
    }
    if (result && result->failure.ok()) *row = result->row;
    if (result && (row->has_value() || result->failure.code == absl::StatusCode::kNotFound)) {
      return true;
    }
    cluster_->RunFor(kTryAgainUs);
  }
  return false;
}

std::optional<std::vector<ReignRow>> HandoverWorkload::ReadReigns() {
  const engine::KeyRange rows = engine::SystemRows(engine::SystemTable::kReigns);
  engine::ScanSpec spec;
  spec.keyspace = kSystemKeyspace;
  spec.begin = rows.begin;
  spec.end = rows.end;
  spec.limit = 10'000;
  for (int i = 0; i < kTriesMax && cluster_->violation().empty(); ++i) {
    std::optional<server::Answer> answer;
    if (const uint32_t leader = cluster_->Leader(); leader != 0) {
      cluster_->machine(leader).Call(spec, kTimeoutUs, [&answer](const server::Answer* told) {
        if (told != nullptr) answer = *told;
      });
      cluster_->RunUntil([&] { return answer.has_value(); }, 2 * kTimeoutUs);
    }
    if (answer && answer->failure.ok()) {
      std::vector<ReignRow> reigns;
      for (const auto& record : std::get<engine::ScanPage>(answer->result).records) {
        reigns.push_back(*server::DecodeReignRow(record.value));
      }
      return reigns;
    }
    cluster_->RunFor(kTryAgainUs);
  }
  return std::nullopt;
}

// The reign that directly follows the Seal, and no other, is this handover's.
void HandoverWorkload::CheckReigns(const HandoverRow& row, const std::vector<ReignRow>& reigns) {
  uint32_t of_it = 0;
  for (const ReignRow& reign : reigns) {
    const bool handed = reign.reign.cause == consensus::Cause::kHandover;
    if (!handed || reign.reign.handover != row.number) continue;
    ++of_it;
    if (reign.reign.ballot != row.successor) {
      Wrong(row.order.id, "is followed by a reign that it does not name");
    }
    if (reign.reign.ballot.node != row.to) Wrong(row.order.id, "made another node lead");
  }
  if (of_it != (TookPlace(row) ? 1 : 0)) {
    Wrong(row.order.id,
          "has " + std::to_string(of_it) + " reigns, and is " + std::string(NameOf(row.state())));
  }
}

void HandoverWorkload::Count(const HandoverRow& row) {
  Coverage& coverage = cluster_->coverage();
  switch (row.state()) {
    case HandoverState::kDone:
      return coverage.Add(Path::kHandoverDone);
    case HandoverState::kHandedBack:
      return coverage.Add(Path::kHandoverHandedBack);
    case HandoverState::kRejected:
      return coverage.Add(Path::kHandoverRejected);
    default:
      break;
  }
  const bool sealed = std::any_of(row.steps.begin(), row.steps.end(), [](const auto& step) {
    return step.state == HandoverState::kSealed;
  });
  coverage.Add(sealed ? Path::kHandoverAbortedSealed : Path::kHandoverAborted);
}

void HandoverWorkload::Wrong(const std::string& id, const std::string& what) {
  cluster_->Violated("handovers: " + id + " " + what);
}

}  // namespace baton::sim
