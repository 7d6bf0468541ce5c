// Trace: what happened in a simulation, as a running hash and, if wanted, as lines of text.
//
// Two runs of one seed have equal hashes, or something other than the seed decides. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace baton::sim {

class Trace {
 public:
  // `print`: also write each line to it; null: none.
  explicit Trace(std::FILE* print) : print_(print) {}

  // One event at node `n` (0: none) with up to three numbers that matter.
  void Say(int64_t now_us, uint32_t n, std::string_view what, uint64_t a = 0, uint64_t b = 0,
           uint64_t c = 0) {
    Mix(static_cast<uint64_t>(now_us) * 64 + n);
    for (const char letter : what) hash_ = (hash_ ^ static_cast<uint8_t>(letter)) * kPrime;
    Mix(a);
    Mix(b);
    Mix(c);
    if (print_ != nullptr) Print(now_us, n, what, a, b, c);
  }
  // A line for people only.
  void Tell(int64_t now_us, const std::string& text) {
    if (print_ != nullptr) {
      std::fprintf(print_, "%12.6f    %s\n", static_cast<double>(now_us) / 1e6, text.c_str());
    }
  }
  bool printing() const { return print_ != nullptr; }
  uint64_t hash() const { return hash_; }

 private:
  static constexpr uint64_t kPrime = 0x100000001b3;  // FNV-1a

  void Mix(uint64_t x) {
    hash_ = (hash_ ^ x) * 0x9e3779b97f4a7c15;
    hash_ ^= hash_ >> 29;
  }
  void Print(int64_t now_us, uint32_t n, std::string_view what, uint64_t a, uint64_t b,
             uint64_t c) {
    std::fprintf(print_, "%12.6f n%u %.*s %llu %llu %llu\n", static_cast<double>(now_us) / 1e6, n,
                 static_cast<int>(what.size()), what.data(), static_cast<unsigned long long>(a),
                 static_cast<unsigned long long>(b), static_cast<unsigned long long>(c));
  }

  std::FILE* const print_;
  uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace baton::sim
