#include "engine/storage/rocksdb_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>

namespace baton::engine {
namespace {

std::shared_ptr<rocksdb::TableFactory> MakeTableFactory(
    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 4 << 10;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  return std::shared_ptr<rocksdb::TableFactory>(rocksdb::NewBlockBasedTableFactory(table));
}

void SetMemory(const RocksDbOptions& options, rocksdb::Options* db) {
  db->write_buffer_size = options.write_buffer_bytes;
  db->max_write_buffer_number = 4;
  db->min_write_buffer_number_to_merge = 1;
  db->max_write_buffer_size_to_maintain = 0;
  db->memtable_prefix_bloom_size_ratio = 0.02;
  db->memtable_whole_key_filtering = true;
  db->max_open_files = -1;
}

void SetFiles(const RocksDbOptions& options, rocksdb::Options* db) {
  db->compression = rocksdb::kLZ4Compression;
  db->bottommost_compression = rocksdb::kLZ4Compression;
  db->compaction_style = rocksdb::kCompactionStyleLevel;
  db->level_compaction_dynamic_level_bytes = true;
  db->level0_file_num_compaction_trigger = 4;
  db->level0_slowdown_writes_trigger = 20;
  db->level0_stop_writes_trigger = 36;
  db->target_file_size_base = 16 << 20;
  db->max_bytes_for_level_base = 64 << 20;
  db->max_background_jobs = 2;
  db->max_subcompactions = 1;
  db->bytes_per_sync = 1 << 20;
  if (options.background_bytes_per_second > 0) {
    db->rate_limiter.reset(
        rocksdb::NewGenericRateLimiter(static_cast<int64_t>(options.background_bytes_per_second)));
  }
}

void SetHousekeeping(rocksdb::Options* db) {
  db->create_if_missing = true;
  db->paranoid_checks = true;
  db->avoid_flush_during_shutdown = true;
  db->max_bgerror_resume_count = 0;
  db->skip_stats_update_on_db_open = true;
  db->allow_concurrent_memtable_write = false;
  db->enable_write_thread_adaptive_yield = false;
  db->info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  db->max_log_file_size = 4 << 20;
  db->keep_log_file_num = 3;
  db->max_manifest_file_size = 16 << 20;
  db->stats_dump_period_sec = 0;
  db->stats_persist_period_sec = 0;
}

}  // namespace

std::shared_ptr<rocksdb::Cache> MakeBlockCache(const RocksDbOptions& options) {
  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.block_cache_bytes;
  cache.num_shard_bits = 2;
  cache.strict_capacity_limit = false;
  cache.high_pri_pool_ratio = 0.5;
  return rocksdb::NewLRUCache(cache);
}

rocksdb::Options MakeDbOptions(const RocksDbOptions& options,
                               const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::Options db;
  SetMemory(options, &db);
  SetFiles(options, &db);
  SetHousekeeping(&db);
  db.table_factory = MakeTableFactory(cache);
  return db;
}

rocksdb::ReadOptions MakeReadOptions(ReadTier tier) {
  rocksdb::ReadOptions read;
  read.verify_checksums = true;
  if (tier == ReadTier::kMemory) read.read_tier = rocksdb::kBlockCacheTier;
  if (tier == ReadTier::kSweep) {
    read.fill_cache = false;
    read.readahead_size = 256 << 10;
  }
  return read;
}

}  // namespace baton::engine
