// Time and randomness, passed in so that tests decide both. Any thread.
#pragma once

#include <cstdint>

namespace baton::client {

class Environment {
 public:
  virtual ~Environment() = default;
  virtual int64_t NowUs() = 0;  // monotonic, from an arbitrary start
  virtual uint64_t Random() = 0;

  // The machine's. Lives as long as the program.
  static Environment* Real();
};

}  // namespace baton::client
