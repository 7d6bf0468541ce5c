// Engines to run one test over: RocksDB in a directory of its own, and the model in memory.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/types.h"
#include "engine/storage/memory_engine.h"
#include "engine/storage/rocksdb_engine.h"

namespace baton::engine::testing {

// A directory that lives as long as the object.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "baton_engine_XXXXXX").string();
    BATON_CHECK(::mkdtemp(pattern.data()) != nullptr) << pattern;
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

enum class Kind { kMemory, kRocksDb };

// An engine that can lose power: what was not flushed is gone afterwards.
class TestEngine {
 public:
  explicit TestEngine(Kind kind) : kind_(kind) {
    if (kind_ == Kind::kMemory) {
      engine_ = std::make_unique<MemoryEngine>();
    } else {
      Open();
    }
  }

  Engine& operator*() { return *engine_; }
  Engine* operator->() { return engine_.get(); }
  Engine* get() { return engine_.get(); }
  const TempDir& dir() const { return dir_; }

  void LosePower() {
    if (kind_ == Kind::kMemory) {
      static_cast<MemoryEngine*>(engine_.get())->LoseUnflushed();
    } else {
      Open();
    }
  }

 private:
  void Open() {
    engine_.reset();
    RocksDbOptions options;
    options.write_buffer_bytes = 1 << 20;
    options.block_cache_bytes = 4 << 20;
    auto opened = RocksDbEngine::Open(dir_.Path("engine"), options);
    BATON_CHECK(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }

  const Kind kind_;
  TempDir dir_;
  std::unique_ptr<Engine> engine_;
};

inline std::string NameOf(Kind kind) { return kind == Kind::kMemory ? "Memory" : "RocksDb"; }

// Every key and value of the engine but its own table's.
inline std::vector<std::pair<std::string, std::string>> AllRows(const Engine& engine) {
  const std::unique_ptr<Snapshot> snapshot = engine.NewSnapshot();
  const std::unique_ptr<Iterator> it =
      snapshot->NewIterator(std::string("\0\0\0\0\1", 5), {}, ReadTier::kAny);
  std::vector<std::pair<std::string, std::string>> rows;
  for (it->SeekToFirst(); it->Valid(); it->Next()) rows.emplace_back(it->key(), it->value());
  BATON_CHECK(it->status().ok()) << it->status().ToString();
  return rows;
}

}  // namespace baton::engine::testing
