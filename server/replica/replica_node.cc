#include "server/replica/replica_node.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/faulty_node.h"
#include "server/replica/member_table.h"
#include "server/replica/recover.h"
#include "server/replica/running_node.h"
#include "server/replica/snapshot_install.h"

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

// Opens the log; a snapshot that waits to be installed takes its place first.
absl::StatusOr<wal::Wal::Opened> OpenLog(const ReplicaOptions& options,
                                         const wal::Identity& identity, wal::FileSystem* fs,
                                         engine::Engine* engine, DroppedEntries* dropped) {
  const std::string& snapshots = options.snapshot_directory;
  if (absl::Status s = fs->MakeDirectory(snapshots); !s.ok()) return s;
  auto opened = wal::Wal::Open(fs, options.wal_directory, identity, options.wal);
  if (!opened.ok() || opened->recovery.fault) return opened;
  const auto intent = ReadIntent(fs, snapshots);
  if (!intent.ok()) return intent.status();
  if (*intent) {
    absl::Status s =
        Install(fs, snapshots, **intent, opened->recovery, opened->wal.get(), engine, dropped);
    if (!s.ok()) return s;
    opened->wal.reset();
    opened = wal::Wal::Open(fs, options.wal_directory, identity, options.wal);
  }
  if (engine == nullptr) return opened;
  // What else a former life left of snapshots is of no use.
  for (const std::string& image : {IncomingImage(snapshots), OutgoingImage(snapshots)}) {
    if (absl::Status s = engine->RemoveImage(image); !s.ok()) return s;
  }
  return opened;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReplicaNode>> ReplicaNode::Start(const ReplicaOptions& given,
                                                                wal::FileSystem* fs,
                                                                engine::Engine* engine,
                                                                Transport* transport, Clock* clock,
                                                                Worker* worker) {
  ReplicaOptions options = given;
  if (!options.fatal) options.fatal = LogAndAbort;
  if (!options.reopen) {
    options.reopen = [fatal = options.fatal] { fatal("start this node anew: a snapshot waits"); };
  }
  if (absl::Status s = Validate(options); !s.ok()) return s;
  const wal::Identity identity{options.cluster, options.self.node, options.self.directory};
  std::unique_ptr<DroppedEntries> dropped;  // none at a witness: it cannot tell what was chosen
  if (engine != nullptr) {
    auto there = DroppedEntries::Open(fs, options.dropped_directory);
    if (!there.ok()) return there.status();
    dropped = *std::move(there);
  }
  auto opened = OpenLog(options, identity, fs, engine, dropped.get());
  if (!opened.ok()) return opened.status();
  if (opened->recovery.torn_bytes != 0) {
    spdlog::info("{} bytes of a torn tail were cut from the log", opened->recovery.torn_bytes);
  }
  auto recovered = Recover(*opened->wal, opened->recovery, engine, options.epoch, options.members);
  if (!recovered.ok()) return recovered.status();
  if (!options.left_behind.empty()) recovered->fault = options.left_behind;
  if (recovered->fault) {
    spdlog::error("this node takes no part: {}", *recovered->fault);
    // Who was left behind has nobody to talk to.
    if (options.left_behind.empty()) {
      transport->SetMembers(MembersOf(recovered->core.hard_state.configurations).all);
    }
    return std::make_unique<FaultyNode>(options, recovered->core, *recovered->fault);
  }
  auto node = std::make_unique<RunningNode>(
      options, RunningNode::Seams{fs, engine, transport, clock, worker}, std::move(opened->wal),
      std::move(dropped), recovered->core);
  if (engine != nullptr) {
    if (absl::Status s = node->LoadState(); !s.ok()) return s;
  }
  if (options.threads) node->StartThreads();
  return node;
}

}  // namespace baton::server
