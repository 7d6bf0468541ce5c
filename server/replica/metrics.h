// Metrics: counters and gauges of one replica, kept where things happen and read by whoever exposes
// them. Each field names the Prometheus metric it becomes; seconds are kept as microseconds here.
//
// Any thread; every access is relaxed. One Metrics lives as long as its node.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace baton::server {

class Counter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(uint64_t v) { value_.store(v, std::memory_order_relaxed); }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Cumulative buckets as Prometheus wants them are sums over `counts`: counts[i] holds what is at
// most kBounds[i] and above the bound before; the last holds the rest.
template <size_t kBuckets>
class Histogram {
 public:
  explicit Histogram(const std::array<uint64_t, kBuckets>& bounds) : bounds_(bounds) {}

  void Observe(uint64_t v) {
    size_t i = 0;
    while (i < kBuckets && v > bounds_[i]) ++i;
    counts_[i].Add();
    sum_.Add(v);
  }
  const std::array<uint64_t, kBuckets>& bounds() const { return bounds_; }
  uint64_t count(size_t i) const { return counts_[i].Get(); }  // i <= kBuckets
  uint64_t sum() const { return sum_.Get(); }

 private:
  const std::array<uint64_t, kBuckets> bounds_;
  std::array<Counter, kBuckets + 1> counts_;
  Counter sum_;
};

inline constexpr std::array<uint64_t, 12> kLatencyBoundsUs = {
    100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 500'000, 2'500'000};
inline constexpr std::array<uint64_t, 8> kBatchBounds = {1, 4, 16, 64, 128, 256, 512, 1'024};

using LatencyHistogram = Histogram<kLatencyBoundsUs.size()>;
using BatchHistogram = Histogram<kBatchBounds.size()>;

struct Metrics {
  // baton_wal_*
  LatencyHistogram wal_fsync_us{kLatencyBoundsUs};   // baton_wal_fsync_seconds
  LatencyHistogram wal_append_us{kLatencyBoundsUs};  // baton_wal_append_seconds
  Counter wal_append_bytes;                          // baton_wal_append_bytes_total
  Gauge wal_size_bytes;                              // baton_wal_size_bytes

  // baton_node_*
  Gauge disk_class;        // baton_node_disk_class (0 normal, 1 slow, 2 stuck)
  Gauge disk_recent_us;    // baton_node_disk_recent_seconds, median of about the last second
  Gauge disk_baseline_us;  // baton_node_disk_baseline_seconds, what it is compared with
  Gauge barred;            // baton_node_barred
  Gauge recovering;        // baton_node_recovering
  Gauge state_bytes;       // baton_node_state_bytes, about

  // baton_replica_*
  Gauge promised_round;       // baton_replica_ballot_round
  Gauge is_leader;            // baton_replica_leader (1: leads with an open reign)
  Gauge has_leader;           // baton_replica_has_leader
  Gauge durable_slot;         // baton_replica_durable_slot
  Gauge commit_slot;          // baton_replica_commit_slot
  Gauge applied_slot;         // baton_replica_applied_slot
  Gauge flushed_slot;         // baton_replica_flushed_slot
  Gauge base_slot;            // baton_replica_base_slot
  Counter leader_changes;     // baton_replica_leader_changes_total
  Counter handovers_begun;    // baton_replica_handovers_begun_total
  Counter handovers_done;     // baton_replica_handovers_done_total
  Counter reigns_opened;      // baton_replica_reigns_opened_total
  Counter messages_received;  // baton_replica_messages_received_total
  Counter messages_dropped;   // baton_replica_messages_dropped_total (inbox full)
  Counter entries_proposed;   // baton_replica_entries_proposed_total
  BatchHistogram entry_requests{kBatchBounds};  // baton_replica_entry_requests
  LatencyHistogram write_us{kLatencyBoundsUs};  // baton_replica_write_seconds, queue to ack
  LatencyHistogram apply_us{kLatencyBoundsUs};  // baton_replica_apply_seconds, one batch
  Counter snapshots_sent;                       // baton_replica_snapshots_sent_total
  Counter snapshots_failed;                     // baton_replica_snapshots_failed_total
  Counter losses_logged;                        // baton_losses_logged_total
  Counter snapshot_bytes_sent;                  // baton_replica_snapshot_sent_bytes_total
  Counter snapshots_installed;                  // baton_replica_snapshots_installed_total
  Counter snapshot_bytes_received;              // baton_replica_snapshot_received_bytes_total
  Counter wall_clock_jumps;  // baton_replica_wall_clock_jumps_total (stamped as expected instead)

  // baton_session*
  Gauge sessions;            // baton_sessions, from the leader
  Counter sessions_opened;   // baton_sessions_opened_total
  Counter repeats_answered;  // baton_session_repeats_total
  Counter requests_fenced;   // baton_session_fenced_total

  // baton_call_*
  Counter writes_acked;        // baton_call_writes_total
  Counter reads_at_once;       // baton_call_reads_at_once_total
  Counter reads_queued;        // baton_call_reads_queued_total
  Counter read_rounds;         // baton_call_read_rounds_total (no lease: a quorum was asked)
  Counter reads_applied;       // baton_call_reads_applied_total (level named: from the state here)
  Counter slots_asked;         // baton_call_slots_asked_total (of the leader, for such reads)
  Counter refused_overload;    // baton_call_refused_total{reason="overloaded"}
  Counter refused_leader;      // baton_call_refused_total{reason="not_leader"}
  Counter refused_deadline;    // baton_call_refused_total{reason="deadline"}
  Counter refused_stopping;    // baton_call_refused_total{reason="shutting_down"}
  Counter refused_stale;       // baton_call_refused_total{reason="too_stale"}
  Counter refused_lost;        // baton_call_refused_total{reason="position_lost"}
  Counter refused_disk;        // baton_call_refused_total{reason="disk_full"}
  Counter outcome_unknown;     // baton_call_refused_total{reason="outcome_unknown"}
  Counter evaluations_parked;  // baton_call_evaluations_parked_total
};

}  // namespace baton::server
