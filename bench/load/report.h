// What baton-bench prints. Pure functions.
#pragma once

#include <string>

#include "bench/load/load.h"

namespace baton::load {

const char* WorkloadName(Workload workload);

// One JSON object on one line: ops_per_s, p50_us, p99_us, p999_us, max_gap_ms, errors as numbers,
// which scripts depend on; then what the run was.
std::string ToJson(const LoadOptions& options, const LoadReport& report);

// The same for people, several lines.
std::string ToTable(const LoadOptions& options, const LoadReport& report);

}  // namespace baton::load
