// baton-bench: a closed loop against a running cluster. See bench/README.md.
//
// Exit codes as baton's: 0 done, 1 failed, 2 usage, 4 unavailable (not one call succeeded).
#include <baton/client.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "bench/load/load.h"
#include "bench/load/report.h"

namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kUnavailable = 4;

struct Flags {
  std::string endpoints;
  std::string workload = "put";
  std::string output = "table";
  bool no_load = false;
  bool no_sessions = false;
  baton::load::LoadOptions load;
};

void Define(CLI::App* app, Flags* flags) {
  baton::load::LoadOptions* const load = &flags->load;
  app->add_option("--endpoints", flags->endpoints,
                  "HOST:PORT,... of some nodes [$BATON_ENDPOINTS]");
  app->add_option("--workload", flags->workload,
                  "put | get | mixed (half gets, half puts); keys uniform")
      ->check(CLI::IsMember({"put", "get", "mixed"}))
      ->capture_default_str();
  app->add_option("--keyspace", load->keyspace, "keyspace [default]");
  app->add_option("--clients", load->clients, "clients, each with its own connection")
      ->capture_default_str();
  app->add_option("--inflight", load->in_flight, "calls in flight, over all clients")
      ->capture_default_str();
  app->add_option("--value-bytes", load->value_bytes, "bytes of each value")->capture_default_str();
  app->add_option("--keys", load->keys, "number of different keys")->capture_default_str();
  app->add_option("--seconds", load->seconds, "measured time")->capture_default_str();
  app->add_option("--warmup-seconds", load->warmup_seconds, "time before, not measured")
      ->capture_default_str();
  app->add_option("--timeout-ms", load->timeout_ms, "time each call has")->capture_default_str();
  app->add_option("--seed", load->seed, "seed of the keys and values")->capture_default_str();
  app->add_flag("--no-load", flags->no_load, "do not put the keys before reading them");
  app->add_flag("--gaps", load->list_gaps,
                "with -o json: list each time of 1 ms or more without a success");
  app->add_flag("--no-sessions", flags->no_sessions,
                "do not number the writes: one whose fate is unknown is not sent again");
  app->add_option("-o,--output", flags->output, "json | table")
      ->check(CLI::IsMember({"json", "table"}))
      ->capture_default_str();
}

int Fail(const absl::Status& status) {
  std::cerr << "baton-bench: " << status.message() << "\n";
  if (absl::IsInvalidArgument(status)) return kUsage;
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ? kUnavailable : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Closed-loop load against a Baton cluster", "baton-bench");
  Flags flags;
  Define(&app, &flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (flags.endpoints.empty()) {
    const char* const from_environment = std::getenv("BATON_ENDPOINTS");
    if (from_environment != nullptr) flags.endpoints = from_environment;
  }
  auto endpoints = baton::ParseEndpoints(flags.endpoints);
  if (!endpoints.ok()) return Fail(endpoints.status());
  flags.load.endpoints = *std::move(endpoints);
  flags.load.load_keys = !flags.no_load;
  flags.load.exactly_once = !flags.no_sessions;
  static const std::map<std::string, baton::load::Workload> kWorkloads = {
      {"put", baton::load::Workload::kPut},
      {"get", baton::load::Workload::kGet},
      {"mixed", baton::load::Workload::kMixed}};
  flags.load.workload = kWorkloads.at(flags.workload);

  auto report = baton::load::RunLoad(flags.load);
  if (!report.ok()) return Fail(report.status());
  std::cout << (flags.output == "json" ? baton::load::ToJson(flags.load, *report) + "\n"
                                       : baton::load::ToTable(flags.load, *report));
  return report->latency.count() > 0 ? kDone : kUnavailable;
}
