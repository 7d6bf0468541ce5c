// Progress: how far a long command has come, for people, on standard error.
//
// On a terminal it redraws one line, at most ten times a second; elsewhere it prints a line every
// five seconds, so that logs stay short. One thread at a time.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

namespace baton::cli {

class Progress {
 public:
  // `what` is counted, e.g. "records". `total` 0: not known beforehand. `out` must outlive this.
  Progress(std::ostream* out, bool terminal, std::string what, uint64_t total, int64_t now_us);

  // `done` so far; never decreases. Prints when it is time to.
  void Update(uint64_t done, int64_t now_us);
  // Prints the last line: "1,234 records in 2.0 s, 617/s".
  void Finish(uint64_t done, int64_t now_us);

 private:
  std::string Line(uint64_t done, int64_t now_us) const;

  std::ostream* const out_;
  const bool terminal_;
  const std::string what_;
  const uint64_t total_;
  const int64_t started_us_;
  int64_t printed_us_;  // >= started_us_
};

// 1234567 as "1,234,567".
std::string WithCommas(uint64_t number);

}  // namespace baton::cli
