#include "server/data_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"

namespace baton::server {
namespace {

constexpr std::string_view kNodeMagic = "BATNNODE";
constexpr std::string_view kFormationMagic = "BATNFORM";
constexpr std::string_view kLogMagic = "BATNLOGM";
constexpr std::string_view kPlanMagic = "BATNPLAN";
constexpr std::string_view kRecoveryMagic = "BATNRECO";
constexpr std::string_view kBehindMagic = "BATNLEFT";
constexpr uint32_t kMembersMax = 64;
constexpr size_t kRecordHeaderBytes = 16;  // magic, version, length
constexpr size_t kRecordBytesMax = 1 << 20;

Id128 RandomId() {
  std::random_device device;
  const auto half = [&device] { return uint64_t{device()} << 32 | device(); };
  Id128 id;
  while (id.IsZero()) id = {half(), half()};
  return id;
}

void PutMembers(std::string* to, const std::vector<MemberInfo>& members) {
  PutFixed32(to, static_cast<uint32_t>(members.size()));
  for (const MemberInfo& member : members) {
    PutFixed32(to, member.node.value);
    PutFixed32(to, member.role);
    PutId128(to, member.directory);
    PutString(to, member.name);
    PutString(to, member.client_address);
    PutString(to, member.peer_address);
  }
}

std::vector<MemberInfo> ReadMembers(Decoder* from) {
  std::vector<MemberInfo> members;
  const uint32_t count = from->ReadFixed32();
  if (count > kMembersMax) from->Fail();
  for (uint32_t i = 0; i < count && from->ok(); ++i) {
    MemberInfo member;
    member.node = NodeId{from->ReadFixed32()};
    member.role = from->ReadFixed32();
    member.directory = from->ReadId128();
    member.name = from->ReadString();
    member.client_address = from->ReadString();
    member.peer_address = from->ReadString();
    members.push_back(std::move(member));
  }
  return members;
}

void PutRecovery(std::string* to, const UnsafeRecovery& recovery) {
  PutMembers(to, recovery.left_behind);
  PutFixed64(to, recovery.last.born.round);
  PutFixed32(to, recovery.last.born.node.value);
  PutFixed64(to, recovery.last.slot.value);
  PutString(to, recovery.actor);
  PutString(to, recovery.approved_by);
  PutString(to, recovery.reason);
  PutFixed64(to, static_cast<uint64_t>(recovery.wall_time_us));
}

UnsafeRecovery ReadRecovery(Decoder* from) {
  UnsafeRecovery recovery;
  recovery.left_behind = ReadMembers(from);
  recovery.last.born.round = from->ReadFixed64();
  recovery.last.born.node = NodeId{from->ReadFixed32()};
  recovery.last.slot = Slot{from->ReadFixed64()};
  recovery.actor = from->ReadString();
  recovery.approved_by = from->ReadString();
  recovery.reason = from->ReadString();
  recovery.wall_time_us = static_cast<int64_t>(from->ReadFixed64());
  return recovery;
}

// One with a recovery has that behind it.
std::string EncodeFormation(const FormationRecord& record) {
  std::string payload;
  PutId128(&payload, record.cluster);
  PutFixed32(&payload, record.self.value);
  PutFixed64(&payload, record.epoch.value);
  PutFixed32(&payload, record.cluster_version);
  PutString(&payload, record.profile);
  PutMembers(&payload, record.members);
  if (record.recovery) PutRecovery(&payload, *record.recovery);
  return payload;
}

std::optional<FormationRecord> DecodeFormation(std::string_view payload, bool recovered) {
  Decoder decoder(payload);
  FormationRecord record;
  record.cluster = decoder.ReadId128();
  record.self = NodeId{decoder.ReadFixed32()};
  record.epoch = Epoch{decoder.ReadFixed64()};
  record.cluster_version = decoder.ReadFixed32();
  record.profile = decoder.ReadString();
  record.members = ReadMembers(&decoder);
  if (recovered) record.recovery = ReadRecovery(&decoder);
  if (!decoder.Done()) return std::nullopt;
  return record;
}

// nullopt: there is no such file.
absl::StatusOr<std::optional<std::string>> ReadIfThere(wal::FileSystem* fs,
                                                       const std::string& path) {
  absl::StatusOr<std::string> bytes = wal::ReadWholeFile(fs, path);
  if (absl::IsNotFound(bytes.status())) return std::optional<std::string>();
  if (!bytes.ok()) return bytes.status();
  return std::optional<std::string>(*std::move(bytes));
}

}  // namespace

std::string SealRecord(std::string_view magic, std::string_view payload) {
  std::string bytes(magic);
  PutFixed32(&bytes, kStoredRecordVersion);
  PutFixed32(&bytes, static_cast<uint32_t>(payload.size()));
  bytes += payload;
  PutFixed64(&bytes, Checksum(bytes));
  return bytes;
}

absl::StatusOr<std::string> OpenRecord(std::string_view magic, std::string_view bytes,
                                       const std::string& what) {
  const absl::Status damaged = absl::DataLossError(
      what + " is damaged: restore it, or empty the data directory and replace this node");
  if (bytes.size() < kRecordHeaderBytes + 8 || bytes.size() > kRecordBytesMax ||
      bytes.substr(0, magic.size()) != magic) {
    return damaged;
  }
  const std::string_view body = bytes.substr(0, bytes.size() - 8);
  if (Checksum(body) != LoadFixed64(bytes.data() + body.size())) return damaged;
  const uint32_t version = LoadFixed32(body.data() + magic.size());
  if (version != kStoredRecordVersion) {
    return absl::FailedPreconditionError(
        what + " has format version " + std::to_string(version) + ", this build knows " +
        std::to_string(kStoredRecordVersion) + ": start the version that wrote it, or a newer one");
  }
  if (LoadFixed32(body.data() + magic.size() + 4) != body.size() - kRecordHeaderBytes) {
    return damaged;
  }
  return std::string(body.substr(kRecordHeaderBytes));
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(wal::FileSystem* fs,
                                                                   const std::string& path,
                                                                   const std::string& name) {
  std::unique_ptr<DataDirectory> directory(new DataDirectory(fs, path));
  if (absl::Status status = fs->MakeDirectory(path); !status.ok()) return status;
  if (absl::Status status = directory->Lock(); !status.ok()) return status;
  if (absl::Status status = directory->OpenNodeFile(name); !status.ok()) return status;
  absl::StatusOr<std::optional<FormationRecord>> formation = directory->ReadFormation("formation");
  if (!formation.ok()) return formation.status();
  directory->formation_ = *std::move(formation);
  absl::StatusOr<std::optional<FormationRecord>> plan = directory->ReadFormation("plan");
  if (!plan.ok()) return plan.status();
  directory->plan_ = *std::move(plan);
  if (absl::Status status = directory->ReadLogNote(); !status.ok()) return status;
  if (absl::Status status = directory->ReadRecovery(); !status.ok()) return status;
  if (absl::Status status = directory->ReadLeftBehind(); !status.ok()) return status;
  return directory;
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) close(lock_);
}

absl::Status DataDirectory::Lock() {
  const std::string file = path_ + "/LOCK";
  lock_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) return absl::InternalError(file + ": " + strerror(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    char pid[32] = {};
    const ssize_t n = pread(lock_, pid, sizeof pid - 1, 0);
    std::string holder = n > 0 ? std::string(pid, static_cast<size_t>(n)) : "unknown";
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return absl::FailedPreconditionError(
        "the data directory " + path_ + " is in use by process " + holder +
        ": stop that process, or give this node another directory");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock_, 0) != 0 ||
      pwrite(lock_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return absl::InternalError(file + ": " + strerror(errno));
  }
  return absl::OkStatus();
}

absl::Status DataDirectory::OpenNodeFile(const std::string& name) {
  const std::string file = path_ + "/node";
  absl::StatusOr<std::optional<std::string>> bytes = ReadIfThere(fs_, file);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) {
    // A log without an owner is not taken over: votes may have been cast from it.
    const absl::StatusOr<std::vector<std::string>> log = fs_->List(wal_path());
    if (log.ok() && !log->empty()) {
      return absl::DataLossError(path_ +
                                 " holds a log but no file \"node\": restore that file, or "
                                 "empty the data directory and replace this node");
    }
    id_ = RandomId();
    std::string payload;
    PutId128(&payload, id_);
    PutString(&payload, name);
    return wal::WriteFileAtomically(fs_, file, SealRecord(kNodeMagic, payload));
  }
  absl::StatusOr<std::string> payload = OpenRecord(kNodeMagic, **bytes, file);
  if (!payload.ok()) return payload.status();
  Decoder decoder(*payload);
  id_ = decoder.ReadId128();
  const std::string owner(decoder.ReadString());
  if (!decoder.Done() || id_.IsZero()) {
    return absl::DataLossError(file + " is damaged: its fields do not fit");
  }
  if (owner != name) {
    return absl::FailedPreconditionError(
        "the data directory " + path_ + " belongs to node \"" + owner + "\", not to \"" + name +
        "\": give this node its own directory, or start it as \"" + owner + "\"");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<FormationRecord>> DataDirectory::ReadFormation(
    const std::string& file) const {
  const std::string path = path_ + "/" + file;
  const bool plan = file == "plan", recovery = file == "recovery";
  const auto payload = ReadRecord(file, plan       ? kPlanMagic
                                        : recovery ? kRecoveryMagic
                                                   : kFormationMagic);
  if (!payload.ok()) return payload.status();
  if (!payload->has_value()) return std::optional<FormationRecord>();
  std::optional<FormationRecord> record = DecodeFormation(**payload, recovery);
  if (!record) return absl::DataLossError(path + " is damaged: its fields do not fit");
  if (plan) return record;
  for (const MemberInfo& member : record->members) {
    if (member.node == record->self && member.directory == id_) return record;
  }
  return absl::FailedPreconditionError(
      path + " is of another data directory than " + ToString(id_) +
      ": files of two nodes were mixed; restore this node's own, or empty the directory");
}

absl::Status DataDirectory::StoreFormation(const FormationRecord& record) {
  BATON_CHECK(!formation_) << "a node is formed once";
  absl::Status status = wal::WriteFileAtomically(
      fs_, path_ + "/formation", SealRecord(kFormationMagic, EncodeFormation(record)));
  if (status.ok()) formation_ = record;
  return status;
}

absl::Status DataDirectory::StoreRecovery(const FormationRecord& record) {
  BATON_CHECK(formation_ && record.recovery) << "a node that is formed is recovered";
  absl::Status status = wal::WriteFileAtomically(
      fs_, path_ + "/recovery", SealRecord(kRecoveryMagic, EncodeFormation(record)));
  if (status.ok()) formation_ = record;
  return status;
}

absl::Status DataDirectory::ReadRecovery() {
  absl::StatusOr<std::optional<FormationRecord>> recovery = ReadFormation("recovery");
  if (recovery.ok() && *recovery) formation_ = *std::move(recovery);
  return recovery.status();
}

absl::Status DataDirectory::NoteLeftBehind(const std::string& why) {
  std::string payload;
  PutString(&payload, why);
  absl::Status status =
      wal::WriteFileAtomically(fs_, path_ + "/behind", SealRecord(kBehindMagic, payload));
  if (status.ok()) left_behind_ = why;
  return status;
}

absl::Status DataDirectory::ReadLeftBehind() {
  const auto payload = ReadRecord("behind", kBehindMagic);
  if (!payload.ok() || !payload->has_value()) return payload.status();
  Decoder decoder(**payload);
  left_behind_ = decoder.ReadString();
  if (decoder.Done()) return absl::OkStatus();
  return absl::DataLossError(path_ + "/behind is damaged: its fields do not fit");
}

absl::StatusOr<std::optional<std::string>> DataDirectory::ReadRecord(const std::string& file,
                                                                     std::string_view magic) const {
  const std::string path = path_ + "/" + file;
  absl::StatusOr<std::optional<std::string>> bytes = ReadIfThere(fs_, path);
  if (!bytes.ok() || !bytes->has_value()) return bytes;
  absl::StatusOr<std::string> payload = OpenRecord(magic, **bytes, path);
  if (!payload.ok()) return payload.status();
  return std::optional<std::string>(*std::move(payload));
}

absl::Status DataDirectory::ReadLogNote() {
  const std::string file = path_ + "/log";
  const auto payload = ReadRecord("log", kLogMagic);
  if (!payload.ok() || !payload->has_value()) return payload.status();
  Decoder decoder(**payload);
  if (decoder.ReadId128() != id_ || !decoder.Done()) {
    return absl::FailedPreconditionError(
        file + " is of another data directory than " + ToString(id_) +
        ": files of two nodes were mixed; restore this node's own, or empty the directory");
  }
  log_made_ = true;
  return absl::OkStatus();
}

absl::Status DataDirectory::NoteLogMade() {
  std::string payload;
  PutId128(&payload, id_);
  absl::Status status =
      wal::WriteFileAtomically(fs_, path_ + "/log", SealRecord(kLogMagic, payload));
  if (status.ok()) log_made_ = true;
  return status;
}

absl::Status DataDirectory::StorePlan(const FormationRecord& plan) {
  BATON_CHECK(!plan_) << "a plan is stored once";
  absl::Status status =
      wal::WriteFileAtomically(fs_, path_ + "/plan", SealRecord(kPlanMagic, EncodeFormation(plan)));
  if (status.ok()) plan_ = plan;
  return status;
}

absl::Status DataDirectory::DropPlan() {
  if (absl::Status status = fs_->Remove(path_ + "/plan"); !status.ok()) return status;
  plan_.reset();
  return fs_->SyncDirectory(path_);
}

}  // namespace baton::server
