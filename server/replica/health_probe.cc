#include "server/replica/health_probe.h"

namespace baton::server {

std::optional<consensus::Measured> HealthProbe::Look(uint64_t unapplied, int64_t now_us) {
  wants_proof_ = false;
  if (now_us < next_look_us_) return std::nullopt;
  next_look_us_ = now_us + kLookUs;
  const DiskMeter::Reading disk = parts_.meter->Read(now_us);
  wants_proof_ = disk.idle && now_us - disk.completed_us >= proof_us_;
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

bool HealthProbe::Recovering(uint64_t unapplied) const {
  if (parts_.disk->WasFull()) return true;
  const uint64_t share = now_.health.recovering ? 2 : 1;
  const uint64_t backlog = parts_.applier == nullptr ? 0 : parts_.applier->backlog_bytes();
  return backlog > kBehindBytes / share || unapplied > kBehindSlots / share;
}

}  // namespace baton::server
