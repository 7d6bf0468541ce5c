// The metrics page: every counter of the process as Prometheus text.
//
// Reads atomics where they are kept; any thread, nothing blocks. docs/operations.md lists the
// names.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "baton/v1/cluster.pb.h"
#include "server/replica/metrics.h"
#include "server/replica/node.h"
#include "server/rpc/grpc_transport.h"
#include "server/rpc/metrics.h"

namespace baton::server {

struct MetricsSources {
  const v1::VersionInfo* version = nullptr;
  const RpcMetrics* rpc = nullptr;
  const PeerPortMetrics* peer_port = nullptr;
  std::vector<PeerReport> peers;
  bool formed = false;
  bool ready = false;
  const Metrics* replica = nullptr;                          // null before formation
  std::vector<std::pair<std::string, uint64_t>> properties;  // of log and engine
  std::vector<KeyspaceStatus> keyspaces;
};

std::string MetricsPage(const MetricsSources& sources);

}  // namespace baton::server
