#include "wal/memory_file_system.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::wal {
namespace {

constexpr uint64_t kSectorBytes = 512;

absl::Status NotFound(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such file or directory"));
}

void WriteInto(std::string* content, uint64_t offset, std::string_view bytes) {
  if (content->size() < offset + bytes.size()) content->resize(offset + bytes.size(), '\0');
  std::copy(bytes.begin(), bytes.end(), content->begin() + static_cast<ptrdiff_t>(offset));
}

}  // namespace

struct MemoryFileSystem::Inode {
  struct Write {
    uint64_t offset;
    std::string bytes;
  };
  std::string seen;
  std::string synced;
  std::vector<Write> unsynced;  // in order; synced + unsynced == seen

  // What a power cut leaves when each sector keeps some prefix of its writes.
  std::string Torn(std::mt19937_64* random) const {
    std::string left = synced;
    const uint64_t sectors = (seen.size() + kSectorBytes - 1) / kSectorBytes;
    std::vector<std::vector<const Write*>> writes(sectors);
    for (const Write& w : unsynced) {
      if (w.bytes.empty()) continue;
      const uint64_t last = (w.offset + w.bytes.size() - 1) / kSectorBytes;
      for (uint64_t s = w.offset / kSectorBytes; s <= last; ++s) writes[s].push_back(&w);
    }
    for (uint64_t s = 0; s < sectors; ++s) {
      const uint64_t kept = (*random)() % (writes[s].size() + 1);
      for (uint64_t i = 0; i < kept; ++i) {
        const Write& w = *writes[s][i];
        const uint64_t from = std::max(w.offset, s * kSectorBytes);
        const uint64_t to = std::min<uint64_t>(w.offset + w.bytes.size(), (s + 1) * kSectorBytes);
        WriteInto(&left, from, std::string_view(w.bytes).substr(from - w.offset, to - from));
      }
    }
    if (left.size() > synced.size() && (*random)() % 2 == 0) {
      left.resize(synced.size() + (*random)() % (left.size() - synced.size() + 1));
    }
    return left;
  }

  void Settle(std::string content) {
    seen = content;
    synced = std::move(content);
    unsynced.clear();
  }
};

class MemoryFile : public File {
 public:
  MemoryFile(MemoryFileSystem* fs, std::shared_ptr<MemoryFileSystem::Inode> inode, std::string path,
             uint64_t life)
      : fs_(fs), inode_(std::move(inode)), path_(std::move(path)), life_(life) {}

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    MutexLock lock(&fs_->mutex_);
    if (auto status = Check(&fs_->failing_writes_, "write to"); !status.ok()) return status;
    if (auto status = fs_->SpendPower(); !status.ok()) return status;
    const uint64_t end = offset + bytes.size();
    const uint64_t growth = end > inode_->seen.size() ? end - inode_->seen.size() : 0;
    if (growth > 0 && fs_->UsedBytes() + growth > fs_->capacity_bytes_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot write to ", path_, ": no space left on device"));
    }
    WriteInto(&inode_->seen, offset, bytes);
    inode_->unsynced.push_back({offset, std::string(bytes)});
    return absl::OkStatus();
  }

  absl::Status ReadAt(uint64_t offset, size_t size, std::string* to) const override {
    MutexLock lock(&fs_->mutex_);
    int none = 0;
    if (auto status = Check(&none, "read"); !status.ok()) return status;
    *to = offset < inode_->seen.size() ? inode_->seen.substr(offset, size) : std::string();
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    MutexLock lock(&fs_->mutex_);
    if (auto status = Check(&fs_->failing_syncs_, "sync"); !status.ok()) return status;
    if (auto status = fs_->SpendPower(); !status.ok()) return status;
    for (const auto& write : inode_->unsynced) {
      WriteInto(&inode_->synced, write.offset, write.bytes);
    }
    inode_->unsynced.clear();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    MutexLock lock(&fs_->mutex_);
    return inode_->seen.size();
  }

 private:
  absl::Status Check(int* failing, const char* what) const BATON_REQUIRES(fs_->mutex_) {
    if (life_ == fs_->crashes_ && *failing == 0) return absl::OkStatus();
    if (*failing > 0) --*failing;
    return absl::InternalError(absl::StrCat("cannot ", what, " ", path_, ": input/output error"));
  }

  MemoryFileSystem* const fs_;
  const std::shared_ptr<MemoryFileSystem::Inode> inode_;
  const std::string path_;
  const uint64_t life_;
};

MemoryFileSystem::~MemoryFileSystem() = default;

void MemoryFileSystem::Apply(const NameChange& change, Names* names) {
  if (!change.remove.empty()) names->erase(change.remove);
  if (!change.add.empty()) (*names)[change.add] = change.inode;
}

absl::Status MemoryFileSystem::Change(NameChange change) {
  if (auto status = SpendPower(); !status.ok()) return status;
  Apply(change, &seen_);
  unsynced_names_.push_back(std::move(change));
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::SpendPower() {
  if (power_left_ == 0) return absl::InternalError("the power is cut");
  if (power_left_ > 0) --power_left_;
  return absl::OkStatus();
}

uint64_t MemoryFileSystem::UsedBytes() const {
  uint64_t bytes = 0;
  for (const auto& [path, inode] : seen_) bytes += inode->seen.size();
  return bytes;
}

absl::StatusOr<std::unique_ptr<File>> MemoryFileSystem::Create(const std::string& path) {
  MutexLock lock(&mutex_);
  if (!directories_.contains(DirectoryOf(path))) return NotFound(DirectoryOf(path));
  if (seen_.contains(path)) return absl::AlreadyExistsError(absl::StrCat(path, ": file exists"));
  auto inode = std::make_shared<Inode>();
  auto status = Change({DirectoryOf(path), "", path, inode});
  if (!status.ok()) return status;
  return std::make_unique<MemoryFile>(this, std::move(inode), path, crashes_);
}

absl::StatusOr<std::unique_ptr<File>> MemoryFileSystem::Open(const std::string& path) {
  MutexLock lock(&mutex_);
  const auto found = seen_.find(path);
  if (found == seen_.end()) return NotFound(path);
  return std::make_unique<MemoryFile>(this, found->second, path, crashes_);
}

absl::Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(&mutex_);
  const auto found = seen_.find(from);
  if (found == seen_.end()) return NotFound(from);
  if (DirectoryOf(from) != DirectoryOf(to)) {
    return absl::InvalidArgumentError(absl::StrCat(from, " and ", to, " lie in two directories"));
  }
  return Change({DirectoryOf(from), from, to, found->second});
}

absl::Status MemoryFileSystem::Remove(const std::string& path) {
  MutexLock lock(&mutex_);
  if (!seen_.contains(path)) return NotFound(path);
  return Change({DirectoryOf(path), path, "", nullptr});
}

absl::Status MemoryFileSystem::MakeDirectory(const std::string& path) {
  MutexLock lock(&mutex_);
  for (std::string at = path;; at = DirectoryOf(at)) {
    directories_.insert(at);
    if (at == DirectoryOf(at)) return absl::OkStatus();
  }
}

absl::Status MemoryFileSystem::SyncDirectory(const std::string& path) {
  MutexLock lock(&mutex_);
  if (!directories_.contains(path)) return NotFound(path);
  if (auto status = SpendPower(); !status.ok()) return status;
  for (const NameChange& change : unsynced_names_) {
    if (change.directory == path) Apply(change, &durable_);
  }
  std::erase_if(unsynced_names_, [&](const NameChange& c) { return c.directory == path; });
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& directory) {
  MutexLock lock(&mutex_);
  if (!directories_.contains(directory)) return NotFound(directory);
  std::vector<std::string> names;
  for (const auto& [path, inode] : seen_) {
    if (DirectoryOf(path) == directory) names.push_back(path.substr(directory.size() + 1));
  }
  for (const std::string& path : directories_) {
    if (path != directory && DirectoryOf(path) == directory) {
      names.push_back(path.substr(directory.size() + 1));
    }
  }
  return names;
}

absl::StatusOr<uint64_t> MemoryFileSystem::FreeBytes(const std::string& directory) {
  MutexLock lock(&mutex_);
  if (!directories_.contains(directory)) return NotFound(directory);
  const uint64_t used = UsedBytes();
  return capacity_bytes_ > used ? capacity_bytes_ - used : 0;
}

void MemoryFileSystem::Crash(const CrashPolicy& policy) {
  MutexLock lock(&mutex_);
  std::mt19937_64 random(policy.seed);
  if (policy.tear) {
    std::map<std::string, bool> cut;  // directories of which no later change survives
    for (const NameChange& change : unsynced_names_) {
      bool& is_cut = cut[change.directory];
      is_cut = is_cut || random() % 2 == 0;
      if (!is_cut) Apply(change, &durable_);
    }
  }
  unsynced_names_.clear();
  for (const auto& [path, inode] : durable_) {
    inode->Settle(policy.tear ? inode->Torn(&random) : inode->synced);
  }
  seen_ = durable_;
  ++crashes_;
  power_left_ = -1;
  failing_writes_ = failing_syncs_ = 0;
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::Clone() const {
  auto copy = std::make_unique<MemoryFileSystem>();
  MutexLock lock(&mutex_);
  MutexLock copy_lock(&copy->mutex_);
  std::map<const Inode*, std::shared_ptr<Inode>> inodes;
  const auto copied = [&](const std::shared_ptr<Inode>& inode) {
    auto& to = inodes[inode.get()];
    if (to == nullptr && inode != nullptr) to = std::make_shared<Inode>(*inode);
    return to;
  };
  for (const auto& [path, inode] : seen_) copy->seen_[path] = copied(inode);
  for (const auto& [path, inode] : durable_) copy->durable_[path] = copied(inode);
  for (NameChange change : unsynced_names_) {
    change.inode = copied(change.inode);
    copy->unsynced_names_.push_back(std::move(change));
  }
  copy->directories_ = directories_;
  copy->capacity_bytes_ = capacity_bytes_;
  return copy;
}

void MemoryFileSystem::CutPowerAfter(int64_t count) {
  MutexLock lock(&mutex_);
  power_left_ = count;
}

void MemoryFileSystem::FailWrites(int count) {
  MutexLock lock(&mutex_);
  failing_writes_ = count;
}

void MemoryFileSystem::FailSyncs(int count) {
  MutexLock lock(&mutex_);
  failing_syncs_ = count;
}

void MemoryFileSystem::SetCapacity(uint64_t bytes) {
  MutexLock lock(&mutex_);
  capacity_bytes_ = bytes;
}

absl::Status MemoryFileSystem::FlipBit(const std::string& path, uint64_t byte, int bit) {
  MutexLock lock(&mutex_);
  const auto found = seen_.find(path);
  if (found == seen_.end() || byte >= found->second->seen.size()) return NotFound(path);
  std::string content = found->second->seen;
  content[byte] = static_cast<char>(content[byte] ^ (1 << bit));
  found->second->Settle(std::move(content));
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Truncate(const std::string& path, uint64_t size) {
  MutexLock lock(&mutex_);
  const auto found = seen_.find(path);
  if (found == seen_.end()) return NotFound(path);
  found->second->Settle(found->second->seen.substr(0, size));
  return absl::OkStatus();
}

}  // namespace baton::wal
