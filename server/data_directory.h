// DataDirectory: the place on disk that one node owns: who it is, which cluster it belongs to, and
// the folders of its log and its state.
//
//   LOCK       held with flock for as long as the process lives; holds the pid, for people
//   node       the directory's random id and the node's name; written once
//   formation  the cluster, this node's id in it, the members of epoch 1; written once
//   recovery   takes its place once this node was made to go on alone, with who and what was left
//   behind     why this node takes part in nothing: it is what another's recovery left behind
//   log        says that the log was made once: from then on a missing one is lost, not new
//   plan       on the node that coordinates a formation: what it will give everyone
//   wal/, db/  the replicated log and the state
//   snapshots/ of the state: one that is being sent, one that is being received
//
// docs/operations.md gives the bytes of node, formation, log and plan. Each is written atomically
// and carries a version and a checksum. Owner: the process's main. Any thread: the caller makes
// sure that Store… calls do not overlap. They block on the disk.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "server/rpc/formation_host.h"
#include "wal/file_system.h"

namespace baton::server {

inline constexpr uint32_t kStoredRecordVersion = 1;

class DataDirectory {
 public:
  // Opens the directory for the node called `name`, creating what is missing. Errors, each saying
  // what to do: FAILED_PRECONDITION (another process holds it, it belongs to another node, a newer
  // version wrote it), DATA_LOSS (a damaged file), else I/O.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(wal::FileSystem* fs,
                                                             const std::string& path,
                                                             const std::string& name);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const Id128& id() const { return id_; }
  const std::optional<FormationRecord>& formation() const { return formation_; }
  const std::optional<FormationRecord>& plan() const { return plan_; }  // its `self` is 0

  // REQUIRES: there is none yet.
  absl::Status StoreFormation(const FormationRecord& record);
  // REQUIRES: the record has a recovery, and there is a formation.
  absl::Status StoreRecovery(const FormationRecord& record);

  // Empty: this node was left behind by no recovery.
  const std::string& left_behind() const { return left_behind_; }
  absl::Status NoteLeftBehind(const std::string& why);
  absl::Status StorePlan(const FormationRecord& plan);
  absl::Status DropPlan();

  // Whether the log has been made here. It is noted before the node casts its first vote.
  bool log_made() const { return log_made_; }
  absl::Status NoteLogMade();

  std::string wal_path() const { return path_ + "/wal"; }
  std::string db_path() const { return path_ + "/db"; }
  std::string snapshot_path() const { return path_ + "/snapshots"; }
  std::string dropped_path() const { return path_ + "/dropped"; }

 private:
  DataDirectory(wal::FileSystem* fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  absl::Status Lock();
  absl::Status OpenNodeFile(const std::string& name);
  absl::StatusOr<std::optional<FormationRecord>> ReadFormation(const std::string& file) const;
  absl::Status ReadLogNote();
  absl::Status ReadRecovery();
  absl::Status ReadLeftBehind();
  // The payload of one of these files; nullopt: it is not there.
  absl::StatusOr<std::optional<std::string>> ReadRecord(const std::string& file,
                                                        std::string_view magic) const;

  wal::FileSystem* const fs_;
  const std::string path_;
  int lock_ = -1;  // descriptor of LOCK
  Id128 id_;       // never zero
  std::optional<FormationRecord> formation_;
  std::optional<FormationRecord> plan_;
  bool log_made_ = false;
  std::string left_behind_;
};

// The stored form of a record: magic, version, length, payload, XXH3-64.
std::string SealRecord(std::string_view magic, std::string_view payload);
// Errors: DATA_LOSS; FAILED_PRECONDITION for a newer version. `what` names the file.
absl::StatusOr<std::string> OpenRecord(std::string_view magic, std::string_view bytes,
                                       const std::string& what);

}  // namespace baton::server
