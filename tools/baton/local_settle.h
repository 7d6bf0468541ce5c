// When the nodes of a local cluster are as they should be. Functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/baton/cluster_view.h"
#include "tools/baton/local_cluster.h"

namespace baton::cli {

// What the nodes say of the cluster now. UNAVAILABLE: none answers.
absl::StatusOr<ClusterView> AskLocal(const LocalCluster& cluster);

// Why a node more must not be taken away yet: a member is not healthy, or not close behind the
// leader. Empty: it may.
std::string Unsettled(const ClusterView& view);

// The leader last: leadership moves once, to a node that has been restarted.
std::vector<std::string> RollOrder(const LocalCluster& cluster, const std::string& leader);

// FAILED_PRECONDITION: a node does not run; `what` needs all.
absl::Status CheckAllRun(const LocalCluster& cluster, const std::string& what);

}  // namespace baton::cli
