#include "tests/sim/count_paths.h"

namespace baton::sim {

void CountPaths::Started(Machine& machine) {
  if (machine.core() == nullptr) return;
  nodes_[machine.number() - 1] = {machine.core()->log().last(), machine.core()->log().base().slot};
}

void CountPaths::Turned(Machine& machine, StageOf stage) {
  if (stage != StageOf::kLoop || machine.core() == nullptr) return;
  Node& node = nodes_[machine.number() - 1];
  const consensus::LogWindow& log = machine.core()->log();
  if (node.last.slot > log.base().slot && !log.Holds(node.last)) {
    cluster_->coverage().Add(Path::kSuffixReplaced);
  }
  if (log.base().slot > node.base) cluster_->coverage().Add(Path::kTruncated);
  node = {log.last(), log.base().slot};
}

void CountPaths::Died(Machine& machine) {
  const server::Metrics& metrics = machine.process()->metrics();
  Coverage& coverage = cluster_->coverage();
  coverage.Add(Path::kReignOpened, metrics.reigns_opened.Get());
  coverage.Add(Path::kReadByLease, metrics.reads_at_once.Get());
  coverage.Add(Path::kReadByRound, metrics.read_rounds.Get());
  coverage.Add(Path::kReadParked, metrics.reads_queued.Get());
  coverage.Add(Path::kWriteParked, metrics.evaluations_parked.Get());
}

void CountPaths::Sent(const consensus::Message& message) {
  Coverage& coverage = cluster_->coverage();
  if (std::holds_alternative<consensus::Nack>(message.body)) coverage.Add(Path::kPromiseRefused);
  if (std::holds_alternative<consensus::Abdicate>(message.body)) coverage.Add(Path::kAbdicated);
  const auto* fetched = std::get_if<consensus::Fetched>(&message.body);
  if (fetched != nullptr && !fetched->entries.empty()) coverage.Add(Path::kLogFetched);
}

}  // namespace baton::sim
