#include "tools/baton/importer.h"

#include <memory>
#include <utility>

#include "baton/error.h"
#include "tools/baton/bytes.h"

namespace baton::cli {
namespace {

constexpr int64_t kWakeUs = 100'000;  // how often progress is looked at while nothing happens

enum class Line : uint8_t { kRead, kEnd, kTooLong, kUnreadable };

// std::getline with a limit: that of `buffer`, of `size` bytes.
Line ReadLine(std::istream* in, char* buffer, size_t size, std::string* line) {
  in->getline(buffer, static_cast<std::streamsize>(size));
  const auto count = static_cast<size_t>(in->gcount());
  if (in->bad()) return Line::kUnreadable;  // a directory, a disk that fails
  if (!in->eof() && in->fail()) return Line::kTooLong;
  if (in->eof() && count == 0) return Line::kEnd;
  line->assign(buffer, in->eof() ? count : count - 1);  // without the newline
  return Line::kRead;
}

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         GetReason(status) == Reason::kOverloaded;
}

absl::Status AtLine(const std::string& source, uint64_t line, const absl::Status& status) {
  return absl::Status(status.code(), source + ":" + std::to_string(line) + ": " +
                                         std::string(status.message()) +
                                         "; mend it and import again (repeating is harmless)");
}

}  // namespace

Importer::Importer(PutFunction put, ProgressFunction progress, ImportLimits limits)
    : put_(std::move(put)), progress_(std::move(progress)), limits_(limits) {}

Importer::~Importer() {
  MutexLock lock(&mutex_);
  while (calls_ > 0) changed_.Wait(&mutex_);
}

absl::StatusOr<Importer::Item> Importer::Parse(const std::string& text, uint64_t line) const {
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        "not a JSON object; write {\"key\":\"…\",\"value\":\"…\"} on a line of its own");
  }
  absl::StatusOr<std::string> key = GetBytes(object, "key");
  if (!key.ok()) return key.status();
  absl::StatusOr<std::string> value = GetBytes(object, "value");
  if (!value.ok()) return value.status();
  return Item{line, *std::move(key), *std::move(value)};
}

void Importer::Send(Item item) {
  {
    MutexLock lock(&mutex_);
    ++calls_;
  }
  ++item.attempts;
  const std::string key = item.key;
  const std::string value = item.value;
  put_(key, value, [this, item = std::move(item)](absl::Status status) mutable {
    Done(std::move(item), status);
  });
}

void Importer::Done(Item item, const absl::Status& status) {
  MutexLock lock(&mutex_);
  --calls_;
  if (MayPass(status) && item.attempts < limits_.attempts_max && failure_.ok()) {
    failed_.push_back(std::move(item));
  } else {
    if (status.ok()) {
      ++result_.records;
      result_.bytes += item.bytes();
    } else if (failure_.ok()) {
      failure_ = AtLine(source_, item.line, status);
    }
    bytes_ -= item.bytes();
    keys_.erase(item.key);
  }
  changed_.NotifyAll();
}

void Importer::Resend() {
  using Clock = std::chrono::steady_clock;
  std::deque<Item> items;
  {
    MutexLock lock(&mutex_);
    if (failed_.empty()) return;
    const Clock::time_point due = Clock::now() + limits_.retry_wait;
    for (Clock::time_point now = Clock::now(); now < due && failure_.ok(); now = Clock::now()) {
      changed_.WaitFor(&mutex_,
                       std::chrono::duration_cast<std::chrono::microseconds>(due - now).count());
    }
    if (!failure_.ok()) return;
    items.swap(failed_);
  }
  for (Item& item : items) Send(std::move(item));
}

absl::Status Importer::Admit(Item item) {
  while (true) {
    Resend();
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    progress_(result_.records);
    const bool room = keys_.size() < limits_.in_flight_max &&
                      (keys_.empty() || bytes_ + item.bytes() <= limits_.in_flight_bytes_max);
    if (room && keys_.insert(item.key).second) {
      bytes_ += item.bytes();
      break;
    }
    if (failed_.empty()) changed_.WaitFor(&mutex_, kWakeUs);
  }
  Send(std::move(item));
  return absl::OkStatus();
}

absl::Status Importer::Drain() {
  while (true) {
    Resend();
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    progress_(result_.records);
    if (keys_.empty()) return absl::OkStatus();
    if (failed_.empty()) changed_.WaitFor(&mutex_, kWakeUs);
  }
}

absl::StatusOr<ImportResult> Importer::Run(std::istream* in, const std::string& source) {
  source_ = source;
  const size_t buffer_bytes = limits_.line_bytes_max + 1;  // and the end that getline writes
  const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_bytes);
  std::string text;
  for (uint64_t line = 1;; ++line) {
    const Line read = ReadLine(in, buffer.get(), buffer_bytes, &text);
    if (read == Line::kEnd) break;
    absl::Status failed;
    if (read == Line::kUnreadable) {
      failed = absl::InvalidArgumentError("cannot be read; is it a file?");
    } else if (read == Line::kTooLong) {
      failed = absl::InvalidArgumentError("longer than " + std::to_string(limits_.line_bytes_max) +
                                          " bytes");
    } else if (text.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    } else if (absl::StatusOr<Item> item = Parse(text, line); item.ok()) {
      const absl::Status admitted = Admit(*std::move(item));
      if (!admitted.ok()) return admitted;
    } else {
      failed = item.status();
    }
    if (!failed.ok()) {
      const absl::Status drained = Drain();
      return drained.ok() ? AtLine(source, line, failed) : drained;
    }
  }
  const absl::Status drained = Drain();
  if (!drained.ok()) return drained;
  MutexLock lock(&mutex_);
  return result_;
}

}  // namespace baton::cli
