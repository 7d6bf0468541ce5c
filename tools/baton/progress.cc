#include "tools/baton/progress.h"

#include <algorithm>
#include <cstdio>

namespace baton::cli {
namespace {

constexpr int64_t kRedrawUs = 100'000;
constexpr int64_t kLineUs = 5'000'000;
constexpr int kBarWidth = 24;

}  // namespace

std::string WithCommas(uint64_t number) {
  std::string text = std::to_string(number);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) text.insert(at, ",");
  return text;
}

Progress::Progress(std::ostream* out, bool terminal, std::string what, uint64_t total,
                   int64_t now_us)
    : out_(out),
      terminal_(terminal),
      what_(std::move(what)),
      total_(total),
      started_us_(now_us),
      printed_us_(now_us) {}

std::string Progress::Line(uint64_t done, int64_t now_us) const {
  const double seconds = static_cast<double>(std::max<int64_t>(now_us - started_us_, 1)) / 1e6;
  char rate[64];
  std::snprintf(rate, sizeof rate, " in %.1f s, %s/s", seconds,
                WithCommas(static_cast<uint64_t>(static_cast<double>(done) / seconds)).c_str());
  std::string line;
  if (total_ > 0) {
    const int filled = static_cast<int>(std::min(done, total_) * kBarWidth / total_);
    line += "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
    line += WithCommas(done) + " of " + WithCommas(total_);
  } else {
    line += WithCommas(done);
  }
  return line + " " + what_ + rate;
}

void Progress::Update(uint64_t done, int64_t now_us) {
  if (now_us - printed_us_ < (terminal_ ? kRedrawUs : kLineUs)) return;
  printed_us_ = now_us;
  if (terminal_) {
    *out_ << "\r\033[K" << Line(done, now_us) << std::flush;
  } else {
    *out_ << Line(done, now_us) << std::endl;
  }
}

void Progress::Finish(uint64_t done, int64_t now_us) {
  *out_ << (terminal_ ? "\r\033[K" : "") << Line(done, now_us) << std::endl;
}

}  // namespace baton::cli
