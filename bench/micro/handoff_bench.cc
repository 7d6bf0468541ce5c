// One hand-off between two threads, there and back again, through the Wakeup that every inbox of
// the driver stands on. docs/architecture.md counts the hand-offs on the way of a write.
//
//   build/release/bin/handoff_bench
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>

#include "server/replica/stage.h"

namespace baton::server {
namespace {

// Two parties that take turns: each waits until `turn` is its own number.
class Table {
 public:
  // Returns false once closed.
  bool WaitForTurn(uint32_t party) {
    for (;;) {
      const uint64_t ticket = wakeups_[party].Ticket();
      const uint32_t turn = turn_.load(std::memory_order_acquire);
      if (turn == kClosed) return false;
      if (turn == party) return true;
      wakeups_[party].Wait(ticket, kSecondUs);
    }
  }
  void GiveTurn(uint32_t party) {
    turn_.store(party, std::memory_order_release);
    wakeups_[party].Notify();
  }
  void Close() {
    turn_.store(kClosed, std::memory_order_release);
    for (Wakeup& wakeup : wakeups_) wakeup.NotifyAll();
  }

 private:
  static constexpr uint32_t kClosed = 2;
  static constexpr int64_t kSecondUs = 1'000'000;
  std::atomic<uint32_t> turn_{0};
  Wakeup wakeups_[2];
};

// An iteration is two hand-offs; items are hand-offs. Real time, since both threads sleep in turn.
void BM_HandOff(benchmark::State& state) {
  Table table;
  std::thread other([&table] {
    while (table.WaitForTurn(1)) table.GiveTurn(0);
  });
  for (auto _ : state) {
    table.GiveTurn(1);
    table.WaitForTurn(0);
  }
  table.Close();
  other.join();
  state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(BM_HandOff)->UseRealTime();

// What a notification costs when nobody sleeps: the case of a busy receiver.
void BM_NotifyBusy(benchmark::State& state) {
  Wakeup wakeup;
  for (auto _ : state) wakeup.Notify();
}
BENCHMARK(BM_NotifyBusy);

}  // namespace
}  // namespace baton::server
