// Batches appended and synced per second, one at a time, into recycled segments on a real disk.
//
//   build/release/bin/wal_bench            the log in ./wal-bench.tmp, removed afterwards
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/checksum.h"
#include "base/coding.h"
#include "wal/posix_file_system.h"
#include "wal/wal.h"

namespace baton::wal {
namespace {

constexpr GroupId kGroup = kFirstGroup;

std::shared_ptr<const std::string> MakeBytes(size_t size) {
  std::string bytes(size - 8, 'b');
  PutFixed64(&bytes, Checksum(bytes));
  return std::make_shared<const std::string>(std::move(bytes));
}

// Arg 0: bytes of the one entry of each batch.
void BM_AppendSync(benchmark::State& state) {
  const std::string directory = std::filesystem::current_path().string() + "/wal-bench.tmp";
  std::filesystem::remove_all(directory);
  {
    PosixFileSystem fs;
    Options options;
    options.zero_fill_bytes_per_s = 0;
    auto opened = Wal::Open(&fs, directory, Identity{{1, 1}, NodeId{1}, {1, 1}}, options);
    if (!opened.ok() || !opened->wal->PrepareSegments().ok()) {
      state.SkipWithError("cannot open the log");
      return;
    }
    Wal* wal = opened->wal.get();
    const auto bytes = MakeBytes(static_cast<size_t>(state.range(0)));
    uint64_t slot = 0;
    for (auto _ : state) {
      const EntryId id{{1, NodeId{1}}, Slot{++slot}};
      const Record record = EntryRecord{kGroup, id, bytes};
      if (!wal->Append({&record, 1}).ok() || !wal->Sync().ok()) {
        state.SkipWithError("the disk failed");
        break;
      }
      if (wal->NeedsSegments() || slot % 512 == 0) {
        state.PauseTiming();
        const Record base = BaseRecord{kGroup, id};
        if (!wal->Append({&base, 1}).ok() || !wal->Sync().ok() || !wal->PrepareSegments().ok()) {
          state.SkipWithError("the disk failed");
        }
        state.ResumeTiming();
      }
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_AppendSync)->Arg(4 << 10)->Arg(64 << 10)->Arg(256 << 10)->UseRealTime();

}  // namespace
}  // namespace baton::wal
