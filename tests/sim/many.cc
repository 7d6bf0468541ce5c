#include "tests/sim/many.h"

#include <poll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/check.h"
#include "tests/sim/run.h"

namespace baton::sim {
namespace {

constexpr uint64_t kTellEvery = 10'000;  // seeds; an hour without a word would be long

// What a worker says: that it begins a seed, and how that ended. Violations follow as text.
struct Report {
  uint64_t seed = 0;
  bool ended = false;
  int64_t simulated_us = 0;
  uint64_t operations = 0;
  int64_t recovery_us = 0;
  Coverage coverage;
  uint64_t text_bytes = 0;
};

// What one worker works off.
struct Share {
  uint64_t last;
  unsigned step;
  Outcome (*simulate)(uint64_t seed);
};

void WriteAll(int to, const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t wrote = write(to, at, size);
    if (wrote <= 0) _exit(1);  // nobody listens any more
    at += wrote;
    size -= static_cast<size_t>(wrote);
  }
}

bool ReadAll(int from, void* bytes, size_t size) {
  char* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t got = read(from, at, size);
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

// The process ends by SIGPROF once it has computed for so long; 0: for as long as it likes. Time in
// which it is stopped, or the machine does something else, does not count.
void LimitWork(unsigned seconds) {
  const itimerval limit{{0, 0}, {static_cast<time_t>(seconds), 0}};
  BATON_CHECK(setitimer(ITIMER_PROF, &limit, nullptr) == 0);
}

void Work(const Share& share, uint64_t seed, int to) {
  for (; seed <= share.last; seed += share.step) {
    Report report;
    report.seed = seed;
    WriteAll(to, &report, sizeof(report));
    LimitWork(kSeedSecondsMax);
    const Outcome outcome = share.simulate(seed);
    LimitWork(0);
    report.ended = true;
    report.simulated_us = outcome.simulated_us;
    report.operations = outcome.operations;
    report.recovery_us = outcome.recovery_us;
    report.coverage = outcome.coverage;
    report.text_bytes = outcome.violation.size();
    WriteAll(to, &report, sizeof(report));
    WriteAll(to, outcome.violation.data(), outcome.violation.size());
  }
}

// One process that works off every step-th seed.
class Worker {
 public:
  Worker(uint64_t first, const Share& share) : next_(first), share_(share) { Fork(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int from() const { return from_; }
  bool done() const { return from_ < 0; }

  // Takes in what it says next, or its end.
  void Listen(Summary* summary, bool announce) {
    Report report;
    std::string text;
    if (!ReadAll(from_, &report, sizeof(report))) return Ended(summary, announce);
    if (!report.ended) {
      under_way_ = true;
      next_ = report.seed;
      return;
    }
    text.resize(report.text_bytes);
    if (!ReadAll(from_, text.data(), text.size())) return Ended(summary, announce);
    under_way_ = false;
    next_ = report.seed + share_.step;
    ++summary->seeds;
    summary->simulated_us += report.simulated_us;
    summary->operations += report.operations;
    summary->coverage.Merge(report.coverage);
    if (report.recovery_us > summary->recovery_us_max) {
      summary->recovery_us_max = report.recovery_us;
      summary->recovery_seed = report.seed;
    }
    if (!text.empty()) Failed(report.seed, text, summary, announce);
  }

 private:
  void Fork() {
    int ends[2];
    BATON_CHECK(pipe(ends) == 0);
    std::fflush(nullptr);
    child_ = fork();
    BATON_CHECK(child_ >= 0);
    if (child_ == 0) {
      close(ends[0]);
      Work(share_, next_, ends[1]);
      _exit(0);
    }
    close(ends[1]);
    from_ = ends[0];
  }

  void Ended(Summary* summary, bool announce) {
    int status = 0;
    BATON_CHECK(waitpid(child_, &status, 0) == child_);
    close(from_);
    from_ = -1;
    if (!under_way_) return;
    under_way_ = false;
    ++summary->seeds;
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    Failed(next_,
           signal == SIGPROF ? "it does not end"
                             : "its process ended with signal " + std::to_string(signal),
           summary, announce);
    next_ += share_.step;
    if (next_ <= share_.last) Fork();
  }

  static void Failed(uint64_t seed, const std::string& what, Summary* summary, bool announce) {
    summary->failures.push_back(Failure{seed, what});
    if (!announce) return;
    std::printf("FAILED %s    # %s\n", ReplayOf(seed).c_str(), what.c_str());
    std::fflush(stdout);
  }

  uint64_t next_;  // under way, or to come
  const Share share_;
  pid_t child_ = 0;
  int from_ = -1;
  bool under_way_ = false;
};

}  // namespace

std::string ReplayOf(uint64_t seed) { return "baton-sim --seed " + std::to_string(seed); }

Outcome SimulateSeed(uint64_t seed) { return Simulate(DrawPlan(seed)); }

Summary RunMany(uint64_t first, uint64_t last, unsigned jobs, bool announce,
                Outcome (*simulate)(uint64_t seed)) {
  Summary summary;
  const auto began = std::chrono::steady_clock::now();
  uint64_t told = 0;
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint64_t i = 0; i < jobs && first + i <= last; ++i) {
    workers.push_back(std::make_unique<Worker>(first + i, Share{last, jobs, simulate}));
  }
  while (!workers.empty()) {
    std::vector<pollfd> waits;
    for (const auto& worker : workers) waits.push_back(pollfd{worker->from(), POLLIN, 0});
    BATON_CHECK(poll(waits.data(), waits.size(), -1) > 0);
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents != 0) workers[i]->Listen(&summary, announce);
    }
    std::erase_if(workers, [](const auto& worker) { return worker->done(); });
    if (announce && summary.seeds / kTellEvery > told) {
      told = summary.seeds / kTellEvery;
      std::fprintf(stderr, "%llu of %llu seeds, %zu failed\n",
                   static_cast<unsigned long long>(summary.seeds),
                   static_cast<unsigned long long>(last - first + 1), summary.failures.size());
    }
  }
  std::sort(summary.failures.begin(), summary.failures.end(),
            [](const Failure& a, const Failure& b) { return a.seed < b.seed; });
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  summary.wall_s = wall.count();
  return summary;
}

}  // namespace baton::sim
