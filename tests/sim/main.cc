#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>

#include "tests/sim/run.h"
int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);
  uint64_t a = strtoull(argv[1], 0, 10), b = argc > 2 ? strtoull(argv[2], 0, 10) : a;
  bool print = argc > 3;
  for (uint64_t s = a; s <= b; ++s) {
    auto plan = baton::sim::DrawPlan(s);
    if (print || a == b) printf("%s\n", baton::sim::Describe(plan).c_str());
    fflush(stdout);
    auto o = baton::sim::Run(plan, print ? stdout : nullptr);
    printf("%lu: %s %016lx %.1fs %lu ops recovery %.3f\n", s,
           o.violation.empty() ? "ok" : o.violation.c_str(), o.trace, o.simulated_us / 1e6,
           o.operations, o.recovery_us / 1e6);
    fflush(stdout);
  }
}
