#include "base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace baton {
namespace {

TEST(Mutex, GuardsACounter) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        MutexLock lock(&mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
}

TEST(CondVar, WakesAWaiter) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread other([&] {
    MutexLock lock(&mutex);
    ready = true;
    changed.NotifyAll();
  });
  {
    MutexLock lock(&mutex);
    while (!ready) changed.Wait(&mutex);
  }
  other.join();
  EXPECT_TRUE(ready);
}

TEST(CondVar, WaitForSaysThatTimePassed) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(&mutex);
  EXPECT_FALSE(never.WaitFor(&mutex, 1000));
}

TEST(SharedMutex, LetsReadersInTogether) {
  SharedMutex mutex;
  ReaderLock first(&mutex);
  // Would never return if the first reader kept a second one out.
  std::thread second([&] { ReaderLock lock(&mutex); });
  second.join();
}

TEST(SharedMutex, GuardsACounter) {
  SharedMutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        WriterLock lock(&mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
}

}  // namespace
}  // namespace baton
