#include "server/replica/replica_node.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/faulty_node.h"
#include "server/replica/recover.h"
#include "server/replica/running_node.h"

namespace baton::server {
namespace {

void LogAndAbort(const std::string& reason) {
  spdlog::critical("this node stops: {}", reason);
  spdlog::default_logger()->flush();
  std::abort();
}

absl::Status Validate(const ReplicaOptions& options) {
  const auto self =
      std::find_if(options.members.begin(), options.members.end(),
                   [&](const MemberInfo& member) { return member.node == options.self.node; });
  if (self == options.members.end() || self->directory != options.self.directory) {
    return absl::InvalidArgumentError(
        absl::StrCat("node ", options.self.node.value,
                     " with this data directory is not among the members of the cluster"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReplicaNode>> ReplicaNode::Start(const ReplicaOptions& given,
                                                                wal::FileSystem* fs,
                                                                engine::Engine* engine,
                                                                Transport* transport, Clock* clock,
                                                                Worker* worker) {
  ReplicaOptions options = given;
  if (!options.fatal) options.fatal = LogAndAbort;
  if (absl::Status s = Validate(options); !s.ok()) return s;
  const wal::Identity identity{options.cluster, options.self.node, options.self.directory};
  auto opened = wal::Wal::Open(fs, options.wal_directory, identity, options.wal);
  if (!opened.ok()) return opened.status();
  if (opened->recovery.torn_bytes != 0) {
    spdlog::info("{} bytes of a torn tail were cut from the log", opened->recovery.torn_bytes);
  }
  auto recovered = Recover(*opened->wal, opened->recovery, *engine, options.members);
  if (!recovered.ok()) return recovered.status();
  if (recovered->fault) {
    spdlog::error("this node cannot trust its log and takes no part: {}", *recovered->fault);
    return std::make_unique<FaultyNode>(options, recovered->core, *recovered->fault);
  }
  auto node = std::make_unique<RunningNode>(
      options, RunningNode::Seams{fs, engine, transport, clock, worker}, std::move(opened->wal),
      recovered->core);
  if (absl::Status s = node->LoadCatalog(); !s.ok()) return s;
  if (options.threads) node->StartThreads();
  return node;
}

}  // namespace baton::server
