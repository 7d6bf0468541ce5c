#include "tests/integration/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/integration/cluster.h"

namespace baton::testing {
namespace {

CallOptions Patient() {
  CallOptions options;
  options.timeout = kPatience;
  return options;
}

}  // namespace

Load::Load(Client* client) : client_(client) {
  for (int i = 0; i < kWriters; ++i) StartWrite(i);
  for (int i = 0; i < kReaders; ++i) StartRead(i);
}

void Load::End() {
  ended_ = true;
  running_.AwaitNone();
}

void Load::StartWrite(int i) {
  running_.Begin();
  client_->PutAsync("key" + std::to_string(i), "value", Patient(), [this, i](auto result) {
    ++(result.ok() ? written_ : errors_);
    EXPECT_TRUE(result.ok()) << result.status();
    if (result.ok()) NoteWritten();
    if (!ended_) StartWrite(i);
    running_.End();
  });
}

void Load::StartRead(int i) {
  running_.Begin();
  client_->GetAsync("key" + std::to_string(i), Patient(), [this, i](auto result) {
    ++(result.ok() ? read_ : errors_);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!ended_) StartRead(i);
    running_.End();
  });
}

void Load::NoteWritten() {
  MutexLock lock(&mutex_);
  const Clock::time_point now = Clock::now();
  gap_ = std::max(gap_, now - last_);
  last_ = now;
}

void Load::ResetGap() {
  MutexLock lock(&mutex_);
  gap_ = {};
}

std::chrono::milliseconds Load::longest_gap() const {
  MutexLock lock(&mutex_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(gap_);
}

}  // namespace baton::testing
