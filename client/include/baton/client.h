// The client of a Baton cluster: reads and writes, synchronous and with callbacks.
//
//   auto client = baton::Client::Connect({.endpoints = {"127.0.0.1:7400", "127.0.0.1:7401"}});
//   if (!client.ok()) return client.status();
//   absl::StatusOr<baton::WriteResult> put = (*client)->Put("k", "v");
//
// Owner: the program. One client serves any number of threads; calls of all threads share one
// stream to the leader and gather into messages while an earlier message is on its way.
//
// Leader: found by asking all endpoints at once, and again whenever the leader refuses, breaks off
// or falls silent. Calls wait for it, within their own timeout.
//
// Retries: within its timeout a call is sent again as often as needed. Writes are numbered in a
// session of the client, so that each takes effect at most once, whatever is lost on the way. One
// that is not answered in time fails with UNAVAILABLE and Reason::kOutcomeUnknown; GetOutcome then
// says what became of it, and settles it.
//
// Callbacks: each is called exactly once. It runs on one of the client's few threads, or, for a
// call that is refused at once, on the caller's. It must not block, nor call a synchronous method,
// nor destroy the client; it may start further calls.
//
// Lifetime: the destructor completes what is pending with CANCELLED, ends the client's sessions (in
// 0.2 s at most; not those that may be asked about), and returns after the last callback has.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "baton/error.h"
#include "baton/options.h"
#include "baton/results.h"

namespace baton {

template <class Result>
using Callback = absl::AnyInvocable<void(absl::StatusOr<Result>)>;

struct DeleteOptions {
  bool want_existed = false;  // costs a read
};
struct DeleteRangeOptions {
  bool want_count = false;  // costs a scan of the range
};
struct PageOptions {
  uint32_t limit = 0;      // records; 0: the server's 1,000
  std::string page_token;  // from the page before; the range must be as it was then
};

class Client {
 public:
  // Checks the options and starts to look for the leader; does not wait for it. INVALID_ARGUMENT
  // if there is no endpoint or one is malformed.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Reads: linearizable, by the leader, unless options.read says otherwise.
  absl::StatusOr<GetResult> Get(std::string_view key, const CallOptions& options = {});
  absl::StatusOr<MultiGetResult> MultiGet(const std::vector<std::string>& keys,
                                          const CallOptions& options = {});
  absl::StatusOr<ScanPage> Scan(const ScanRange& range, const PageOptions& page = {},
                                const CallOptions& options = {});

  absl::StatusOr<WriteResult> Put(std::string_view key, std::string_view value,
                                  const CallOptions& options = {});
  absl::StatusOr<DeleteResult> Delete(std::string_view key, const DeleteOptions& what = {},
                                      const CallOptions& options = {});
  // Deletes [begin, end); an empty end means to the end of the keyspace.
  absl::StatusOr<DeleteRangeResult> DeleteRange(std::string_view begin, std::string_view end,
                                                const DeleteRangeOptions& what = {},
                                                const CallOptions& options = {});
  // Adds to a value that is a decimal number of 64 bits with a sign, as text; one that is not there
  // is 0. kValueUnfit: FAILED_PRECONDITION if it is no number, OUT_OF_RANGE if the sum is too
  // large.
  absl::StatusOr<IncrementResult> Increment(std::string_view key, int64_t by = 1,
                                            const CallOptions& options = {});
  // Adds bytes to the end of a value; one that is not there is empty.
  absl::StatusOr<AppendResult> Append(std::string_view key, std::string_view bytes,
                                      const CallOptions& options = {});
  // With several keyspaces, the durability of the strictest.
  absl::StatusOr<BatchResult> Batch(const WriteBatch& batch, const CallOptions& options = {});

  // What became of a write that failed with Reason::kOutcomeUnknown: its ErrorInfo names session
  // and sequence. One that had no effect yet never has one after this. A client keeps the newest of
  // such writes to be asked about; older ones are kExpired.
  absl::StatusOr<OutcomeResult> GetOutcome(uint64_t session, uint64_t sequence,
                                           const CallOptions& options = {});

  // The same, answered through a callback. Arguments are copied before the call returns.
  void GetAsync(std::string_view key, const CallOptions& options, Callback<GetResult> done);
  void MultiGetAsync(const std::vector<std::string>& keys, const CallOptions& options,
                     Callback<MultiGetResult> done);
  void ScanAsync(const ScanRange& range, const PageOptions& page, const CallOptions& options,
                 Callback<ScanPage> done);
  void PutAsync(std::string_view key, std::string_view value, const CallOptions& options,
                Callback<WriteResult> done);
  void DeleteAsync(std::string_view key, const DeleteOptions& what, const CallOptions& options,
                   Callback<DeleteResult> done);
  void DeleteRangeAsync(std::string_view begin, std::string_view end,
                        const DeleteRangeOptions& what, const CallOptions& options,
                        Callback<DeleteRangeResult> done);
  void IncrementAsync(std::string_view key, int64_t by, const CallOptions& options,
                      Callback<IncrementResult> done);
  void AppendAsync(std::string_view key, std::string_view bytes, const CallOptions& options,
                   Callback<AppendResult> done);
  void BatchAsync(const WriteBatch& batch, const CallOptions& options, Callback<BatchResult> done);
  void GetOutcomeAsync(uint64_t session, uint64_t sequence, const CallOptions& options,
                       Callback<OutcomeResult> done);

 private:
  struct Parts;
  explicit Client(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

// Walks a whole range, page by page. Each page is read from one view; use one thread a scanner.
//
//   baton::Scanner scanner(client, {.prefix = "user/"});
//   while (scanner.Next()) Use(scanner.record());
//   if (!scanner.status().ok()) ...
class Scanner {
 public:
  // `client` outlives the scanner. The timeout of `options` holds for each page.
  Scanner(Client* client, ScanRange range, CallOptions options = {}, uint32_t page_limit = 0);

  // Steps to the next record; false at the end, or after an error.
  bool Next();
  // REQUIRES: the last Next() returned true. Valid until the next call of it; may be moved from.
  Record& record() { return page_.records[at_]; }
  const absl::Status& status() const { return status_; }

 private:
  Client* const client_;
  const ScanRange range_;
  const CallOptions options_;
  PageOptions next_;
  ScanPage page_;
  size_t at_ = 0;         // index into page_.records
  bool started_ = false;  // page_ holds a page
  absl::Status status_;
};

}  // namespace baton
