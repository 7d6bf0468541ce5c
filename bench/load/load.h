// A closed loop against a cluster: so many calls are in flight at all times, each answer starts the
// next call.
//
// Run() blocks its caller; the calls run on the clients' threads. Bounded in time: warm-up, run and
// one call timeout (plus the loading of the keys, if asked for).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/load/histogram.h"

namespace baton::load {

enum class Workload { kPut, kGet, kMixed };  // mixed: half gets, half puts

struct LoadOptions {
  std::vector<std::string> endpoints;
  Workload workload = Workload::kPut;
  std::string keyspace;
  int clients = 1;     // baton::Clients, each with a connection of its own
  int in_flight = 64;  // over all clients; at least one each
  int value_bytes = 256;
  int keys = 100'000;
  int64_t seconds = 10;
  int64_t warmup_seconds = 2;
  int64_t timeout_ms = 5000;  // of each call
  uint64_t seed = 1;
  bool exactly_once = true;  // ClientOptions::exactly_once
  bool load_keys = true;     // put every key first, if the workload reads
  bool list_gaps = false;    // in JSON: each time of 1 ms or more without a success
};

struct LoadReport {
  Histogram latency;   // of calls that succeeded after the warm-up
  double seconds = 0;  // the measured time
  // The longest time without a success, from the first one, the warm-up's included, to the end.
  int64_t max_gap_us = 0;
  // All such times of 1 ms or more, in order, the first ones where there are too many.
  struct LongGap {
    int64_t begin_us;  // by the wall clock
    int64_t gap_us;
  };
  static constexpr size_t kGapsMax = 100'000;
  std::vector<LongGap> gaps;
  uint64_t errors = 0;                               // over the whole run, the warm-up included
  std::map<std::string, uint64_t> errors_by_reason;  // "OUTCOME_UNKNOWN", or the status code's name
  uint64_t missing = 0;                              // gets that found no record
  double loading_seconds = 0;                        // 0: nothing was loaded
  uint64_t loaded = 0;
};

// The key of index `i`: "key" and twelve digits.
std::string KeyOf(uint64_t i);

// INVALID_ARGUMENT if an option is out of its bounds; UNAVAILABLE if the keys could not be loaded.
absl::StatusOr<LoadReport> RunLoad(const LoadOptions& options);

}  // namespace baton::load
