// baton-sim: whole clusters in simulated time, each following from its seed.
//
//   baton-sim --seed 7 [--trace] [--history FILE]   one, replayed
//   baton-sim --seeds 1..500 [--jobs 2]             many
//
// Exit code: 0 when everything held, 1 when something did not, 2 for a wrong command line.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "tests/sim/many.h"
#include "tests/sim/run.h"

namespace baton::sim {
namespace {

int Replay(uint64_t seed, bool trace, const std::string& history_file) {
  const Plan plan = DrawPlan(seed);
  std::printf("%s\n", Describe(plan).c_str());
  std::fflush(stdout);
  const Outcome outcome = Simulate(plan, trace ? stdout : nullptr);
  if (!history_file.empty()) {
    std::ofstream file(history_file);
    history::WriteHistory(outcome.history, &file);
  }
  std::printf("%.1f simulated seconds, %llu operations, %.3f s to recover, trace %016llx\n",
              static_cast<double>(outcome.simulated_us) / 1e6,
              static_cast<unsigned long long>(outcome.operations),
              static_cast<double>(outcome.recovery_us) / 1e6,
              static_cast<unsigned long long>(outcome.trace));
  if (outcome.violation.empty()) return 0;
  std::printf("FAILED %s\n", outcome.violation.c_str());
  return 1;
}

int Many(uint64_t first, uint64_t last, unsigned jobs) {
  const Summary summary = RunMany(first, last, jobs, true);
  for (size_t i = 0; i < kPaths; ++i) {
    std::printf("%12llu %s\n",
                static_cast<unsigned long long>(summary.coverage.Get(static_cast<Path>(i))),
                std::string(kPathNames[i]).c_str());
  }
  std::printf("slowest to recover: %.3f s, seed %llu\n",
              static_cast<double>(summary.recovery_us_max) / 1e6,
              static_cast<unsigned long long>(summary.recovery_seed));
  std::printf("%llu seeds, %zu failed; %.1f seeds/s; %.1f simulated hours, %llu operations\n",
              static_cast<unsigned long long>(summary.seeds), summary.failures.size(),
              static_cast<double>(summary.seeds) / summary.wall_s,
              static_cast<double>(summary.simulated_us) / 3.6e9,
              static_cast<unsigned long long>(summary.operations));
  return summary.failures.empty() ? 0 : 1;
}

int Main(int argc, char** argv) {
  CLI::App app("Simulates clusters of nodes under faults; everything follows from the seed.");
  uint64_t seed = 0;
  std::string seeds;
  std::string history_file;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  bool trace = false;
  auto* one = app.add_option("--seed", seed, "replay this one");
  auto* many = app.add_option("--seeds", seeds, "run many: FIRST..LAST");
  app.add_flag("--trace", trace, "print what happens")->needs(one);
  app.add_option("--history", history_file, "write the clients' history to this file")->needs(one);
  app.add_option("--jobs", jobs, "processes to run many with")
      ->needs(many)
      ->check(CLI::PositiveNumber);
  one->excludes(many);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  spdlog::set_level(spdlog::level::off);
  if (one->count() > 0) return Replay(seed, trace, history_file);
  unsigned long long first = 0;
  unsigned long long last = 0;
  int end = 0;
  if (std::sscanf(seeds.c_str(), "%llu..%llu%n", &first, &last, &end) != 2 ||
      static_cast<size_t>(end) != seeds.size() || first > last) {
    std::fprintf(stderr, "give --seed S, or --seeds FIRST..LAST\n");
    return 2;
  }
  return Many(first, last, jobs);
}

}  // namespace
}  // namespace baton::sim

int main(int argc, char** argv) { return baton::sim::Main(argc, argv); }
