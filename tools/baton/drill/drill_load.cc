#include "tools/baton/drill/drill_load.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"

namespace baton::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Longer than any failover: what takes longer is an error.
constexpr milliseconds kTimeout{20'000};
constexpr milliseconds kPollEvery{1};

uint64_t NumberIn(const GetResult& read) {
  uint64_t number = 0;
  return read.record && absl::SimpleAtoi(read.record->value, &number) ? number : 0;
}

}  // namespace

DrillLoad::DrillLoad(Client* client, std::string keyspace, std::string prefix)
    : client_(client),
      keyspace_(std::move(keyspace)),
      prefix_(std::move(prefix)),
      acknowledged_(kWriters) {
  for (int i = 0; i < kWriters; ++i) StartWrite(i);
  for (int i = 0; i < kReaders; ++i) StartRead(i);
}

CallOptions DrillLoad::Options() const {
  CallOptions options;
  options.keyspace = keyspace_;
  options.timeout = kTimeout;
  return options;
}

void DrillLoad::End() {
  ended_ = true;
  while (running_ > 0) std::this_thread::sleep_for(kPollEvery);
}

void DrillLoad::StartWrite(int i) {
  ++running_;
  const uint64_t number = acknowledged_[i] + 1;
  client_->PutAsync(Key(i), std::to_string(number), Options(),
                    [this, i, number](const absl::StatusOr<WriteResult>& put) {
                      acknowledged_[i] = put.ok() ? number : acknowledged_[i].load();
                      put.ok() ? NoteWritten() : NoteError(put.status());
                      if (!ended_) StartWrite(i);
                      --running_;
                    });
}

void DrillLoad::StartRead(int i) {
  ++running_;
  const int of = i * (kWriters / kReaders);
  const uint64_t at_least = acknowledged_[of];
  client_->GetAsync(Key(of), Options(), [this, i, at_least](const absl::StatusOr<GetResult>& read) {
    if (read.ok()) {
      MutexLock lock(&mutex_);
      ++seen_.reads;
      if (NumberIn(*read) < at_least) ++seen_.stale;
    } else {
      NoteError(read.status());
    }
    if (!ended_) StartRead(i);
    --running_;
  });
}

void DrillLoad::NoteWritten() {
  MutexLock lock(&mutex_);
  const Clock::time_point now = Clock::now();
  gap_ = std::max(gap_, now - last_);
  last_ = now;
  ++seen_.writes;
  const auto tick = static_cast<size_t>((now - since_) / kTick);
  if (seen_.writes_each.size() <= tick) seen_.writes_each.resize(tick + 1);
  ++seen_.writes_each[tick];
}

void DrillLoad::NoteError(const absl::Status& status) {
  MutexLock lock(&mutex_);
  if (++seen_.errors == 1) seen_.first_error = std::string(status.message());
}

DrillLoad::Seen DrillLoad::seen() const {
  MutexLock lock(&mutex_);
  Seen seen = seen_;
  const Clock::duration lasts = ended_ ? Clock::duration{} : Clock::now() - last_;
  seen.longest_gap_ms = duration_cast<milliseconds>(std::max(gap_, lasts)).count();
  return seen;
}

void DrillLoad::ResetSeen() {
  MutexLock lock(&mutex_);
  since_ = Clock::now();
  gap_ = {};
  seen_ = {};
}

milliseconds DrillLoad::Elapsed() const {
  MutexLock lock(&mutex_);
  return duration_cast<milliseconds>(Clock::now() - since_);
}

absl::StatusOr<uint64_t> DrillLoad::CountLost() {
  uint64_t lost = 0;
  for (int i = 0; i < kWriters; ++i) {
    const absl::StatusOr<GetResult> read = client_->Get(Key(i), Options());
    if (!read.ok()) return read.status();
    const uint64_t acknowledged = acknowledged_[i];
    lost += acknowledged - std::min(acknowledged, NumberIn(*read));
    const auto deleted = client_->Delete(Key(i), {}, Options());
    if (!deleted.ok()) return deleted.status();
  }
  return lost;
}

}  // namespace baton::cli
