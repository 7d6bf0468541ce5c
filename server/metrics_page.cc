#include "server/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include "server/rpc/failure.h"

namespace baton::server {
namespace {

constexpr double kMicro = 1e-6;  // seconds

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Page {
 public:
  void Total(const char* name, const char* help, uint64_t value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    Family(name, help, MetricType::Counter)->metric.push_back(std::move(metric));
  }
  void Gauge(const char* name, const char* help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    Family(name, help, MetricType::Gauge)->metric.push_back(std::move(metric));
  }
  // `unit`: what one count of the histogram is in the unit of the name.
  template <size_t kBuckets>
  void Buckets(const char* name, const char* help, const Histogram<kBuckets>& histogram,
               double unit) {
    ClientMetric metric;
    uint64_t count = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      count += histogram.count(i);
      metric.histogram.bucket.push_back({count, static_cast<double>(histogram.bounds()[i]) * unit});
    }
    count += histogram.count(kBuckets);
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(histogram.sum()) * unit;
    Family(name, help, MetricType::Histogram)->metric.push_back(std::move(metric));
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  MetricFamily* Family(const char* name, const char* help, MetricType type) {
    const auto [at, fresh] = places_.try_emplace(name, families_.size());
    if (fresh) families_.push_back({name, help, type, {}});
    return &families_[at->second];
  }
  std::vector<MetricFamily> families_;
  std::map<std::string, size_t, std::less<>> places_;  // a name's metrics stand together
};

// "REASON_NOT_LEADER" -> "not_leader".
std::string ReasonLabel(size_t reason) {
  std::string name = v1::Reason_Name(static_cast<v1::Reason>(reason));
  name = name.empty() ? std::to_string(reason) : name.substr(7);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void AddProcess(const MetricsSources& from, Page* to) {
  const v1::VersionInfo& version = *from.version;
  to->Gauge("baton_build_info", "This build.", 1,
            {{"version", version.version()}, {"commit", version.commit()}});
  to->Gauge("baton_process_resident_bytes", "Memory in use.", static_cast<double>(ResidentBytes()));
  to->Gauge("baton_node_formed", "1 once the node belongs to a cluster.", from.formed);
  to->Gauge("baton_node_ready", "1 while writes can be sustained.", from.ready);
}

void AddRpc(const RpcMetrics& from, Page* to) {
  to->Total("baton_rpc_unary_calls_total", "Unary calls of the Kv service.",
            from.unary_calls.Get());
  to->Total("baton_rpc_exchange_requests_total", "Requests on Exchange streams.",
            from.exchange_requests.Get());
  to->Gauge(
      "baton_rpc_exchange_streams", "Exchange streams that stand.",
      static_cast<double>(from.exchange_streams_opened.Get() - from.exchange_streams_closed.Get()));
  to->Total("baton_rpc_forwarded_total", "Unary calls passed on to the leader.",
            from.forwarded.Get());
  for (size_t i = 1; i < kReasonCount; ++i) {
    if (!v1::Reason_IsValid(static_cast<int>(i))) continue;
    to->Total("baton_rpc_failures_total", "Requests that failed, by reason.",
              from.failures[i].Get(), {{"reason", ReasonLabel(i)}});
  }
}

template <class Get>
void AddPerPeer(const std::vector<PeerReport>& peers, const char* name, const char* help, Get get,
                Page* to) {
  for (const PeerReport& peer : peers)
    to->Total(name, help, get(*peer.metrics), {{"peer", peer.name}});
}

void AddPeers(const MetricsSources& from, Page* to) {
  for (const PeerReport& peer : from.peers) {
    to->Gauge("baton_peer_connected", "1 while the stream to the peer stands.", peer.connected,
              {{"peer", peer.name}});
  }
  const auto add = [&](const char* name, const char* help, Counter PeerMetrics::*counter) {
    AddPerPeer(
        from.peers, name, help,
        [counter](const PeerMetrics& metrics) { return (metrics.*counter).Get(); }, to);
  };
  add("baton_peer_sent_messages_total", "Messages given to the stream.",
      &PeerMetrics::sent_messages);
  add("baton_peer_sent_bytes_total", "Bytes given to the stream.", &PeerMetrics::sent_bytes);
  add("baton_peer_dropped_messages_total", "Messages dropped: no stream, or a full queue.",
      &PeerMetrics::dropped_messages);
  add("baton_peer_received_messages_total", "Messages received.", &PeerMetrics::received_messages);
  add("baton_peer_received_entries_bytes_total", "Bytes of entries received.",
      &PeerMetrics::received_bytes);
  add("baton_peer_connects_total", "Streams that both sides agreed to.", &PeerMetrics::connects);
  add("baton_peer_refusals_total", "Streams that one side refused.", &PeerMetrics::refusals);
  to->Total("baton_peer_bad_frames_total", "Bytes on the peer port that were no message.",
            from.peer_port->bad_frames.Get());
  to->Total("baton_peer_refused_hellos_total", "Handshakes refused, of anyone.",
            from.peer_port->refused_hellos.Get());
}

void AddReplica(const Metrics& from, Page* to) {
  to->Buckets("baton_wal_fsync_seconds", "One fdatasync of the log.", from.wal_fsync_us, kMicro);
  to->Buckets("baton_wal_append_seconds", "One append to the log.", from.wal_append_us, kMicro);
  to->Total("baton_wal_append_bytes_total", "Bytes appended.", from.wal_append_bytes.Get());
  const auto gauge = [&](const char* name, const char* help, const class Gauge& value) {
    to->Gauge(name, help, static_cast<double>(value.Get()));
  };
  const auto seconds = [&](const char* name, const char* help, const class Gauge& value) {
    to->Gauge(name, help, static_cast<double>(value.Get()) * kMicro);
  };
  gauge("baton_node_disk_class", "The log's disk: 0 normal, 1 slow, 2 stuck.", from.disk_class);
  seconds("baton_node_disk_recent_seconds", "A write to the log, median of the last second.",
          from.disk_recent_us);
  seconds("baton_node_disk_baseline_seconds", "What that is compared with.", from.disk_baseline_us);
  gauge("baton_node_barred", "1: it leads only if nobody else can.", from.barred);
  gauge("baton_node_recovering", "1 while its state is far behind, or its disk full.",
        from.recovering);
  gauge("baton_node_state_bytes", "Of the state, about.", from.state_bytes);
  gauge("baton_wal_size_bytes", "Segments in use.", from.wal_size_bytes);
  gauge("baton_replica_ballot_round", "Highest ballot promised.", from.promised_round);
  gauge("baton_replica_leader", "1 while it leads with an open reign.", from.is_leader);
  gauge("baton_replica_has_leader", "1 while it knows a leader.", from.has_leader);
  gauge("baton_replica_durable_slot", "On this disk.", from.durable_slot);
  gauge("baton_replica_commit_slot", "Known to be chosen.", from.commit_slot);
  gauge("baton_replica_applied_slot", "In the state.", from.applied_slot);
  gauge("baton_replica_flushed_slot", "In the state on disk.", from.flushed_slot);
  gauge("baton_replica_base_slot", "Truncated up to here.", from.base_slot);
  to->Total("baton_replica_leader_changes_total", "New leaders seen.", from.leader_changes.Get());
  to->Total("baton_replica_handovers_begun_total", "Handovers that this node has begun.",
            from.handovers_begun.Get());
  to->Total("baton_replica_handovers_done_total",
            "Handovers that have made this node leader and passed their probation.",
            from.handovers_done.Get());
  to->Total("baton_replica_reigns_opened_total", "Reigns of this node.", from.reigns_opened.Get());
  to->Total("baton_replica_messages_received_total", "Messages taken in.",
            from.messages_received.Get());
  to->Total("baton_replica_messages_dropped_total", "Messages dropped: the inbox was full.",
            from.messages_dropped.Get());
  to->Total("baton_replica_entries_proposed_total", "Entries proposed.",
            from.entries_proposed.Get());
  to->Buckets("baton_replica_entry_requests", "Requests in one entry.", from.entry_requests, 1);
  to->Buckets("baton_replica_write_seconds", "A write, from queue to answer.", from.write_us,
              kMicro);
  to->Buckets("baton_replica_apply_seconds", "One batch into the state.", from.apply_us, kMicro);
  to->Total("baton_replica_snapshots_sent_total", "Peers brought back by a snapshot.",
            from.snapshots_sent.Get());
  to->Total("baton_replica_snapshots_failed_total",
            "Snapshots that peers could not take, or not in time.", from.snapshots_failed.Get());
  to->Total(
      "baton_losses_logged_total",
      "Lost writes that this node, as leader, has put into the log. Each is told once or more.",
      from.losses_logged.Get());
  to->Total("baton_replica_snapshot_sent_bytes_total", "Bytes of snapshots sent.",
            from.snapshot_bytes_sent.Get());
  to->Total("baton_replica_snapshots_installed_total", "Snapshots installed here.",
            from.snapshots_installed.Get());
  to->Total("baton_replica_snapshot_received_bytes_total", "Bytes of snapshots received.",
            from.snapshot_bytes_received.Get());
  to->Total("baton_replica_wall_clock_jumps_total", "Wall times that were not believed.",
            from.wall_clock_jumps.Get());
  gauge("baton_sessions", "Sessions open, as the leader has sequenced them.", from.sessions);
  to->Total("baton_sessions_opened_total", "Sessions opened by this node as leader.",
            from.sessions_opened.Get());
  to->Total("baton_session_repeats_total", "Requests that got the result of an earlier attempt.",
            from.repeats_answered.Get());
  to->Total("baton_session_fenced_total", "Requests asked about before they came.",
            from.requests_fenced.Get());
  to->Total("baton_call_writes_total",
            "Changes acknowledged: of data, sessions, keyspaces, orders and the policy.",
            from.writes_acked.Get());
  to->Total("baton_call_reads_at_once_total", "Reads served from memory at once.",
            from.reads_at_once.Get());
  to->Total("baton_call_reads_queued_total", "Reads given to a reader.", from.reads_queued.Get());
  to->Total("baton_call_read_rounds_total", "Quorum rounds for reads without a lease.",
            from.read_rounds.Get());
  to->Total("baton_call_reads_applied_total", "Reads of a named level, answered by this node.",
            from.reads_applied.Get());
  to->Total("baton_call_slots_asked_total", "Slots asked of the leader for such reads.",
            from.slots_asked.Get());
  const auto refused = [&](const char* reason, const Counter& counter) {
    to->Total("baton_call_refused_total", "Calls that the node did not carry out.", counter.Get(),
              {{"reason", reason}});
  };
  refused("overloaded", from.refused_overload);
  refused("not_leader", from.refused_leader);
  refused("deadline", from.refused_deadline);
  refused("shutting_down", from.refused_stopping);
  refused("disk_full", from.refused_disk);
  refused("too_stale", from.refused_stale);
  refused("position_lost", from.refused_lost);
  refused("outcome_unknown", from.outcome_unknown);
  to->Total("baton_call_evaluations_parked_total", "Evaluations that waited for a read.",
            from.evaluations_parked.Get());
}

void AddKeyspace(const KeyspaceStatus& from, Page* to) {
  const Labels labels = {{"keyspace", from.info->name}};
  to->Gauge("baton_keyspace_size_bytes", "On this disk, about.",
            static_cast<double>(from.size_bytes), labels);
  if (!from.unreplicated) return;
  const UnreplicatedStats& stats = *from.unreplicated;
  const auto gauge = [&](const char* name, const char* help, uint64_t value, double unit = 1) {
    to->Gauge(name, help, static_cast<double>(value) * unit, labels);
  };
  gauge("baton_keyspace_unreplicated_ops", "Acknowledged, and no quorum is known to have them.",
        stats.ops);
  gauge("baton_keyspace_unreplicated_bytes", "The same, in bytes of effects.", stats.bytes);
  gauge("baton_keyspace_unreplicated_age_seconds", "Age of the oldest of them.",
        static_cast<uint64_t>(stats.age_us), kMicro);
  gauge("baton_keyspace_unreplicated_ops_high", "The highest of the last minute.", stats.ops_high);
  gauge("baton_keyspace_unreplicated_bytes_high", "The highest of the last minute.",
        stats.bytes_high);
  gauge("baton_keyspace_unreplicated_age_high_seconds", "The highest of the last minute.",
        static_cast<uint64_t>(stats.age_high_us), kMicro);
  to->Total("baton_keyspace_budget_waits_total", "Acks that the budget held back.", stats.waited,
            labels);
  to->Total("baton_keyspace_budget_refusals_total", "Writes that the budget refused.", stats.failed,
            labels);
}

}  // namespace

std::string MetricsPage(const MetricsSources& sources) {
  Page page;
  AddProcess(sources, &page);
  AddRpc(*sources.rpc, &page);
  AddPeers(sources, &page);
  if (sources.replica != nullptr) AddReplica(*sources.replica, &page);
  for (const KeyspaceStatus& keyspace : sources.keyspaces) AddKeyspace(keyspace, &page);
  for (const auto& [name, value] : sources.properties) {
    std::string safe = "baton_storage_";
    for (const char c : name) safe += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    page.Gauge(safe.c_str(), "From the log and the state.", static_cast<double>(value));
  }
  return page.Text();
}

}  // namespace baton::server
