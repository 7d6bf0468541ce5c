#include "client/environment.h"

#include <chrono>
#include <random>

#include "base/mutex.h"

namespace baton::client {
namespace {

class RealEnvironment final : public Environment {
 public:
  int64_t NowUs() override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  uint64_t Random() override {
    MutexLock lock(&mutex_);
    return generator_();
  }

 private:
  Mutex mutex_;
  std::mt19937_64 generator_ BATON_GUARDED_BY(mutex_){std::random_device{}()};
};

}  // namespace

Environment* Environment::Real() {
  static auto* const environment =
      new RealEnvironment;  // never destroyed: threads may outlive main
  return environment;
}

}  // namespace baton::client
