#include "server/replica/health_probe.h"

namespace baton::server {

std::optional<consensus::Measured> HealthProbe::Look(uint64_t unapplied, int64_t now_us) {
  wants_proof_ = false;
  if (now_us < next_look_us_) return std::nullopt;
  next_look_us_ = now_us + kLookUs;
  const DiskMeter::Reading disk = parts_.meter->Read(now_us);
  wants_proof_ = disk.idle && now_us - disk.completed_us >= proof_us_;
  GoByOrders();
  now_.health.disk = disk.disk;
  now_.health.recovering = Recovering(unapplied);
  Metrics& metrics = *parts_.metrics;
  now_.state_bytes = metrics.state_bytes.Get();
  now_.log_bytes = parts_.wal->SizeBytes();
  metrics.disk_class.Set(static_cast<uint64_t>(disk.disk));
  metrics.disk_recent_us.Set(static_cast<uint64_t>(disk.recent_us));
  metrics.disk_baseline_us.Set(static_cast<uint64_t>(disk.baseline_us));
  metrics.barred.Set(now_.health.barred);
  metrics.recovering.Set(now_.health.recovering);
  if (told_ == now_) return std::nullopt;
  told_ = now_;
  return now_;
}

const OrderRow* HealthProbe::Order(const OrderBook::Page& page, OrderKind kind) const {
  return page.orders.Find(kind, self_, parts_.clock->WallNowUs());
}

bool HealthProbe::BarredByOperator() const {
  return wishes_.barred || Order(*parts_.orders->Read(), OrderKind::kBar) != nullptr;
}

void HealthProbe::GoByOrders() {
  const auto page = parts_.orders->Read();
  now_.order = page->policies.Active().policy.order;
  now_.policy_version = page->policies.Active().version;
  now_.health.barred = BarredByOperator() || Order(*page, OrderKind::kHoldDown) != nullptr;
  now_.health.region = wishes_.region;
  now_.health.priority = wishes_.priority;
  const OrderRow* const preference = Order(*page, OrderKind::kPreference);
  if (preference == nullptr) return;
  now_.health.region = preference->region.value_or(wishes_.region);
  now_.health.priority = preference->priority.value_or(wishes_.priority);
}

bool HealthProbe::Recovering(uint64_t unapplied) const {
  if (parts_.disk->WasFull()) return true;
  const uint64_t share = now_.health.recovering ? 2 : 1;
  const uint64_t backlog = parts_.applier == nullptr ? 0 : parts_.applier->backlog_bytes();
  return backlog > kBehindBytes / share || unapplied > kBehindSlots / share;
}

}  // namespace baton::server
