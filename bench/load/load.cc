#include "bench/load/load.h"

#include <baton/client.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace baton::load {
namespace {

constexpr int kLoadInFlight = 256;
constexpr int kLoadRepeatsMax = 10;
constexpr int kLoadFailuresMax = 1024;  // in a row: then loading is given up
// After a failure a worker pauses before its next call, so that a cluster that refuses everything
// is not asked a million times a second. It is part of no measured latency.
constexpr auto kPauseAfterError = std::chrono::milliseconds(1);
constexpr int64_t kGapUsMin = 1'000;  // shorter ones are not kept one by one

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t WallNowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose keys.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

std::string RandomBytes(Random* random, int size) {
  std::string bytes(static_cast<size_t>(size), ' ');
  for (char& c : bytes) c = static_cast<char>('!' + random->Next() % 90);
  return bytes;
}

std::string NameOf(const absl::Status& status) {
  const Reason reason = GetReason(status);
  if (reason != Reason::kUnspecified) return ReasonName(reason);
  return std::string(absl::StatusCodeToString(status.code()));
}

// What the callbacks of one client share. A client's callbacks come from one or two threads, so the
// lock is rarely waited for.
struct Shard {
  std::unique_ptr<Client> client;
  Mutex mutex;
  Histogram latency BATON_GUARDED_BY(mutex);
  std::map<std::string, uint64_t> errors BATON_GUARDED_BY(mutex);
  uint64_t missing BATON_GUARDED_BY(mutex) = 0;
};

class ClosedLoop {
 public:
  ClosedLoop(const LoadOptions& options, std::vector<std::unique_ptr<Shard>>* shards)
      : options_(options), shards_(*shards) {
    call_.keyspace = options.keyspace;
    call_.timeout = std::chrono::milliseconds(options.timeout_ms);
    Random random(options.seed);
    value_ = RandomBytes(&random, options.value_bytes);
    for (int i = 0; i < options.in_flight; ++i) workers_.emplace_back(random.Next());
  }

  void Run(LoadReport* report) {
    const int64_t begin_us = NowUs();
    measure_from_us_ = begin_us + options_.warmup_seconds * 1'000'000;
    end_us_ = measure_from_us_ + options_.seconds * 1'000'000;
    {
      MutexLock lock(&mutex_);
      running_ = options_.in_flight;
    }
    for (int i = 0; i < options_.in_flight; ++i) Next(i);
    Drive();
    report->seconds = static_cast<double>(options_.seconds);
    if (last_success_us_ == 0) last_success_us_ = begin_us;
    Gap(end_us_);
    report->max_gap_us = max_gap_us_;
    TakeLongGaps(report);
    for (const auto& shard : shards_) {
      MutexLock lock(&shard->mutex);
      report->latency.Merge(shard->latency);
      report->missing += shard->missing;
      for (const auto& [name, count] : shard->errors) {
        report->errors_by_reason[name] += count;
        report->errors += count;
      }
    }
  }

 private:
  void TakeLongGaps(LoadReport* report) {
    MutexLock lock(&mutex_);
    report->gaps = long_gaps_;
  }

  Shard& ShardOf(int worker) { return *shards_[static_cast<size_t>(worker) % shards_.size()]; }

  // Starts the workers that failed again, after their pause, until all have ended.
  void Drive() {
    for (;;) {
      std::vector<int> rested;
      {
        MutexLock lock(&mutex_);
        while (resting_.empty() && running_ > 0) changed_.Wait(&mutex_);
        if (resting_.empty()) return;
        rested.swap(resting_);
      }
      std::this_thread::sleep_for(kPauseAfterError);
      for (const int worker : rested) Next(worker);
    }
  }

  void Next(int worker) {
    const int64_t start_us = NowUs();
    if (start_us >= end_us_) {
      MutexLock lock(&mutex_);
      if (--running_ == 0) changed_.NotifyOne();
      return;
    }
    Random& random = workers_[static_cast<size_t>(worker)];
    const uint64_t draw = random.Next();
    const std::string key = KeyOf(draw % static_cast<uint64_t>(options_.keys));
    const bool put = options_.workload == Workload::kPut ||
                     (options_.workload == Workload::kMixed && (draw >> 63) != 0);
    Client& client = *ShardOf(worker).client;
    if (put) {
      client.PutAsync(key, value_, call_, [=, this](absl::StatusOr<WriteResult> result) {
        Done(worker, start_us, result.status(), false);
      });
    } else {
      client.GetAsync(key, call_, [=, this](absl::StatusOr<GetResult> result) {
        Done(worker, start_us, result.status(), result.ok() && !result->record);
      });
    }
  }

  void Done(int worker, int64_t start_us, const absl::Status& status, bool missing) {
    Shard& shard = ShardOf(worker);
    const int64_t now_us = NowUs();
    if (!status.ok()) {
      {
        MutexLock lock(&shard.mutex);
        ++shard.errors[NameOf(status)];
      }
      MutexLock lock(&mutex_);
      resting_.push_back(worker);
      changed_.NotifyOne();
      return;
    }
    Gap(now_us);
    {
      MutexLock lock(&shard.mutex);
      if (missing) ++shard.missing;
      // Those in flight at the end are waited for and not counted.
      if (now_us >= measure_from_us_ && now_us < end_us_) {
        shard.latency.Record(static_cast<uint64_t>(now_us - start_us));
      }
    }
    Next(worker);
  }

  // A success at `now_us`: the time since the one before is a gap.
  void Gap(int64_t now_us) {
    now_us = std::min(now_us, end_us_);
    const int64_t before_us = last_success_us_.exchange(now_us, std::memory_order_relaxed);
    if (before_us == 0) return;
    const int64_t gap_us = now_us - before_us;
    int64_t max_us = max_gap_us_.load(std::memory_order_relaxed);
    while (gap_us > max_us && !max_gap_us_.compare_exchange_weak(max_us, gap_us)) {
    }
    if (gap_us < kGapUsMin) return;
    MutexLock lock(&mutex_);
    if (long_gaps_.size() >= LoadReport::kGapsMax) return;
    long_gaps_.push_back({WallNowUs() - gap_us, gap_us});
  }

  const LoadOptions& options_;
  std::vector<std::unique_ptr<Shard>>& shards_;
  CallOptions call_;
  std::string value_;
  std::vector<Random> workers_;  // one a call in flight; used by whoever starts its next call
  int64_t measure_from_us_ = 0;
  int64_t end_us_ = 0;
  std::atomic<int64_t> last_success_us_ = 0;  // 0: none yet
  std::atomic<int64_t> max_gap_us_ = 0;

  Mutex mutex_;
  CondVar changed_;
  int running_ BATON_GUARDED_BY(mutex_) = 0;  // workers that have not ended
  std::vector<LoadReport::LongGap> long_gaps_ BATON_GUARDED_BY(mutex_);
  std::vector<int> resting_ BATON_GUARDED_BY(mutex_);  // workers whose last call failed
};

// Puts every key once, in batches of the client's own making.
absl::Status LoadKeys(const LoadOptions& options, Client* client, LoadReport* report) {
  struct State {
    Mutex mutex;
    CondVar changed;
    int in_flight BATON_GUARDED_BY(mutex) = 0;
    int failures BATON_GUARDED_BY(mutex) = 0;  // in a row
    std::vector<int> failed BATON_GUARDED_BY(mutex);
    absl::Status last BATON_GUARDED_BY(mutex);
  } state;
  const int64_t begin_us = NowUs();
  Random random(options.seed);
  const std::string value = RandomBytes(&random, options.value_bytes);
  CallOptions call;
  call.keyspace = options.keyspace;
  call.timeout = std::chrono::milliseconds(options.timeout_ms);
  std::vector<int> todo(static_cast<size_t>(options.keys));
  for (int i = 0; i < options.keys; ++i) todo[static_cast<size_t>(i)] = i;
  bool given_up = false;
  for (int round = 0; round < kLoadRepeatsMax && !todo.empty() && !given_up; ++round) {
    for (const int i : todo) {
      {
        MutexLock lock(&state.mutex);
        while (state.in_flight >= kLoadInFlight) state.changed.Wait(&state.mutex);
        given_up = state.failures >= kLoadFailuresMax;
        if (given_up) break;
        ++state.in_flight;
      }
      client->PutAsync(KeyOf(static_cast<uint64_t>(i)), value, call,
                       [&state, i](absl::StatusOr<WriteResult> put) {
                         MutexLock lock(&state.mutex);
                         --state.in_flight;
                         ++state.failures;
                         if (put.ok()) {
                           state.failures = 0;
                         } else {
                           state.failed.push_back(i);
                           state.last = put.status();
                         }
                         state.changed.NotifyOne();
                       });
    }
    MutexLock lock(&state.mutex);
    while (state.in_flight > 0) state.changed.Wait(&state.mutex);
    todo = std::exchange(state.failed, {});
  }
  MutexLock lock(&state.mutex);
  if (!todo.empty()) return state.last;
  report->loading_seconds = static_cast<double>(NowUs() - begin_us) / 1e6;
  report->loaded = static_cast<uint64_t>(options.keys);
  return absl::OkStatus();
}

absl::Status Check(const LoadOptions& options) {
  const auto between = [](int64_t value, int64_t least, int64_t most) {
    return value >= least && value <= most;
  };
  if (!between(options.clients, 1, 1024)) {
    return absl::InvalidArgumentError("--clients must be 1 to 1024");
  }
  if (!between(options.in_flight, options.clients, 60'000)) {
    return absl::InvalidArgumentError("--inflight must be at least --clients, at most 60000");
  }
  if (!between(options.value_bytes, 0, 1 << 20)) {
    return absl::InvalidArgumentError("--value-bytes must be 0 to 1048576");
  }
  if (!between(options.keys, 1, 100'000'000)) {
    return absl::InvalidArgumentError("--keys must be 1 to 100000000");
  }
  if (!between(options.seconds, 1, 86'400) || !between(options.warmup_seconds, 0, 3'600)) {
    return absl::InvalidArgumentError("--seconds must be 1 to 86400, --warmup-seconds 0 to 3600");
  }
  if (!between(options.timeout_ms, 1, 600'000)) {
    return absl::InvalidArgumentError("--timeout-ms must be 1 to 600000");
  }
  return absl::OkStatus();
}

}  // namespace

std::string KeyOf(uint64_t i) {
  char text[32];
  const int size =
      std::snprintf(text, sizeof text, "key%012llu", static_cast<unsigned long long>(i));
  return std::string(text, static_cast<size_t>(size));
}

absl::StatusOr<LoadReport> RunLoad(const LoadOptions& options) {
  absl::Status checked = Check(options);
  if (!checked.ok()) return checked;
  std::vector<std::unique_ptr<Shard>> shards;
  for (int i = 0; i < options.clients; ++i) {
    auto client =
        Client::Connect({.endpoints = options.endpoints, .exactly_once = options.exactly_once});
    if (!client.ok()) return client.status();
    shards.push_back(std::make_unique<Shard>());
    shards.back()->client = *std::move(client);
  }
  LoadReport report;
  if (options.load_keys && options.workload != Workload::kPut) {
    absl::Status loaded = LoadKeys(options, shards[0]->client.get(), &report);
    if (!loaded.ok()) return loaded;
  }
  ClosedLoop loop(options, &shards);
  loop.Run(&report);
  return report;
}

}  // namespace baton::load
