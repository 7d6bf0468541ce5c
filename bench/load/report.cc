#include "bench/load/report.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

namespace baton::load {
namespace {

double OpsPerSecond(const LoadReport& report) {
  if (report.seconds <= 0) return 0;
  return std::round(static_cast<double>(report.latency.count()) / report.seconds * 10) / 10;
}

double Ms(int64_t us) { return static_cast<double>(us) / 1000; }

}  // namespace

const char* WorkloadName(Workload workload) {
  switch (workload) {
    case Workload::kPut:
      return "put";
    case Workload::kGet:
      return "get";
    case Workload::kMixed:
      return "mixed";
  }
  return "unknown";
}

std::string ToJson(const LoadOptions& options, const LoadReport& report) {
  nlohmann::ordered_json json;
  json["ops_per_s"] = OpsPerSecond(report);
  json["p50_us"] = report.latency.Quantile(0.50);
  json["p99_us"] = report.latency.Quantile(0.99);
  json["p999_us"] = report.latency.Quantile(0.999);
  json["max_gap_ms"] = Ms(report.max_gap_us);
  json["errors"] = report.errors;
  json["errors_by_reason"] = nlohmann::ordered_json::object();
  for (const auto& [reason, count] : report.errors_by_reason) {
    json["errors_by_reason"][reason] = count;
  }
  json["max_us"] = report.latency.max_us();
  json["ops"] = report.latency.count();
  json["missing"] = report.missing;
  json["workload"] = WorkloadName(options.workload);
  json["clients"] = options.clients;
  json["inflight"] = options.in_flight;
  json["value_bytes"] = options.value_bytes;
  json["keys"] = options.keys;
  json["seconds"] = report.seconds;
  json["warmup_seconds"] = options.warmup_seconds;
  json["seed"] = options.seed;
  json["loaded"] = report.loaded;
  json["loading_seconds"] = report.loading_seconds;
  if (options.list_gaps) {
    json["gaps"] = nlohmann::ordered_json::array();
    for (const LoadReport::LongGap& gap : report.gaps) {
      json["gaps"].push_back({{"begin_us", gap.begin_us}, {"ms", Ms(gap.gap_us)}});
    }
  }
  return json.dump();
}

std::string ToTable(const LoadOptions& options, const LoadReport& report) {
  std::ostringstream text;
  if (report.loaded > 0) {
    text << "loaded      " << report.loaded << " keys in " << report.loading_seconds << " s\n";
  }
  text << "workload    " << WorkloadName(options.workload) << ", " << options.in_flight
       << " in flight over " << options.clients << " client(s), " << options.value_bytes
       << "-byte values, " << options.keys << " keys, " << report.seconds << " s, seed "
       << options.seed << "\n"
       << "throughput  " << OpsPerSecond(report) << " ops/s\n"
       << "latency     p50 " << report.latency.Quantile(0.50) << " us, p99 "
       << report.latency.Quantile(0.99) << " us, p99.9 " << report.latency.Quantile(0.999)
       << " us, max " << report.latency.max_us() << " us\n"
       << "longest gap " << Ms(report.max_gap_us) << " ms without a success\n"
       << "errors      " << report.errors;
  for (const auto& [reason, count] : report.errors_by_reason) {
    text << "\n            " << reason << " " << count;
  }
  if (report.missing > 0) text << "\nmissing     " << report.missing << " gets found no record";
  text << "\n";
  return text.str();
}

}  // namespace baton::load
