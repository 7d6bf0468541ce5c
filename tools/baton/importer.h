// Importer: records from JSON lines to puts, many in flight.
//
//   {"key":"a","value":"1"}
//   {"key_base64":"/w==","value":"2","revision":7}      the revision is not looked at
//
// A put is repeated when it failed in a way that may pass, or its outcome is unknown: repeating a
// put of the same value is harmless, and so is importing the same lines again. Lines of one key are
// put one after the other, so the last one wins.
//
// One thread calls Run; `put` may answer on any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <istream>
#include <string>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace baton::cli {

struct ImportLimits {
  size_t in_flight_max = 512;             // records
  size_t in_flight_bytes_max = 16 << 20;  // of keys and values; one record may pass it
  size_t line_bytes_max = 16 << 20;
  int attempts_max = 20;  // for each record
  std::chrono::milliseconds retry_wait{200};
};

struct ImportResult {
  uint64_t records = 0;
  uint64_t bytes = 0;  // of keys and values
};

class Importer {
 public:
  // Puts a record and calls `done` once, from any thread, also after Run has returned an error.
  using PutFunction = std::function<void(const std::string& key, const std::string& value,
                                         std::function<void(absl::Status)> done)>;
  using ProgressFunction = std::function<void(uint64_t records)>;

  Importer(PutFunction put, ProgressFunction progress, ImportLimits limits = {});
  ~Importer();  // waits for the puts in flight
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // Reads to the end of `in`; returns when every record is acknowledged. A line that is no
  // record ends the import once those before it are acknowledged. `source` names the input in
  // messages: "SOURCE:17: …".
  absl::StatusOr<ImportResult> Run(std::istream* in, const std::string& source);

 private:
  struct Item {
    uint64_t line = 0;
    std::string key;
    std::string value;
    int attempts = 0;
    size_t bytes() const { return key.size() + value.size(); }
  };

  absl::StatusOr<Item> Parse(const std::string& text, uint64_t line) const;
  // Waits for room, then sends. Returns the first final failure of any record so far.
  absl::Status Admit(Item item) BATON_EXCLUDES(mutex_);
  absl::Status Drain() BATON_EXCLUDES(mutex_);
  void Send(Item item) BATON_EXCLUDES(mutex_);
  void Done(Item item, const absl::Status& status) BATON_EXCLUDES(mutex_);
  // If any failed: waits, then sends all of them again, together.
  void Resend() BATON_EXCLUDES(mutex_);

  const PutFunction put_;
  const ProgressFunction progress_;
  const ImportLimits limits_;

  Mutex mutex_;
  CondVar changed_;
  std::unordered_set<std::string> keys_ BATON_GUARDED_BY(mutex_);  // admitted, not acknowledged
  size_t bytes_ BATON_GUARDED_BY(mutex_) = 0;                      // of those
  size_t calls_ BATON_GUARDED_BY(mutex_) = 0;  // <= keys_.size() + retries: sent, not answered
  std::deque<Item> failed_ BATON_GUARDED_BY(mutex_);  // to be sent again; still in keys_
  absl::Status failure_ BATON_GUARDED_BY(mutex_);     // the first that is final
  ImportResult result_ BATON_GUARDED_BY(mutex_);
  std::string source_;
};

}  // namespace baton::cli
