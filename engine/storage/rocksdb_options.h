// Every RocksDB option that is set, in one place; docs/storage.md says why. Private to this folder.
#pragma once

#include <rocksdb/options.h>

#include <memory>

#include "engine/storage/engine.h"
#include "engine/storage/rocksdb_engine.h"

namespace baton::engine {

std::shared_ptr<rocksdb::Cache> MakeBlockCache(const RocksDbOptions& options);
rocksdb::Options MakeDbOptions(const RocksDbOptions& options,
                               const std::shared_ptr<rocksdb::Cache>& cache);
rocksdb::ReadOptions MakeReadOptions(ReadTier tier);

}  // namespace baton::engine
