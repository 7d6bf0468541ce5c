// Where the calls of one client meet: which leader they go to, what travels together, what is sent
// again, and what each caller is told.
//
// Calls wait in `queued_` for a leader, gather in the lane of the leader's stream while its last
// message is being written, and are `kSent` until answered. A leader that refuses, breaks off or
// falls silent loses its place; all addresses are then asked who leads, again and again with short
// delays, until one is found. The rules of what may be sent again are in retry.h.
//
// Writes get their numbers here, and wait for a session that has room for one more.
//
// Reads that another node may answer go to lanes of their own, which read_places.h chooses; one
// that fails a read is passed over for a while.
//
// Thread rule: any thread; one mutex guards everything and is never held while the network or a
// callback runs. What is to happen outside the lock is collected in an Outbox. Calls submitted by
// callbacks gather until the last callback of the batch has returned (see Cork).
//
// Lifetime: owned by baton::Client. Stop() first, then the network may go. Time comes from the
// Environment; whoever owns the dispatcher calls RunTimers when it says so (see timer_thread.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "baton/options.h"
#include "client/call.h"
#include "client/environment.h"
#include "client/leader_cache.h"
#include "client/network.h"
#include "client/read_places.h"
#include "client/session_pool.h"

namespace baton::client {

class Dispatcher;

// A stream as the dispatcher sees it. Guarded by the dispatcher's mutex.
struct Lane final : public StreamListener {
  Lane(Dispatcher* owner, std::string address, std::string name, bool reads)
      : owner(owner), address(std::move(address)), name(std::move(name)), reads(reads) {}
  void OnMessage(v1::ExchangeResponse* response) override;
  void OnWritable() override;
  void OnClosed(const absl::Status& why) override;

  Dispatcher* const owner;
  const std::string address;  // what was dialled
  const std::string name;     // of the node; empty: not known
  const bool reads;           // for reads that this node itself answers; never the leader's lane
  std::shared_ptr<Stream> stream;
  bool writing = false;        // a message is with the stream: wait for OnWritable
  bool given_up = false;       // closed by us; holds no calls
  std::deque<Call*> gathered;  // in the order they came
  size_t sent = 0;             // calls in state kSent
  int64_t heard_us = 0;        // last message, or when `sent` was last 0, or when it was adopted
};

class Dispatcher {
 public:
  // Bounds of one message: it ends at whichever is reached first, and holds at least one call.
  static constexpr size_t kMessageCallsMax = 1024;
  static constexpr size_t kMessageBytesMax = 1 << 20;
  // A larger request is refused here, before it could break the stream of all others.
  static constexpr size_t kRequestBytesMax = 8 << 20;
  // A request that has waited this long gets its remaining time written anew before it is sent.
  static constexpr int64_t kTimeoutSlackUs = 100'000;
  static constexpr int64_t kProbeTimeoutUs = 500'000;
  // What the end of its sessions may add to the end of a client.
  static constexpr int64_t kEndTimeoutUs = 200'000;
  static constexpr int64_t kNever = INT64_MAX;

  // `wake` is called, from any thread and perhaps under the dispatcher's lock, when RunTimers must
  // run earlier than it last said. REQUIRES: options.endpoints is not empty.
  Dispatcher(const ClientOptions& options, Environment* environment,
             std::unique_ptr<Network> network, std::function<void()> wake);
  ~Dispatcher();  // REQUIRES: Stop() has returned.

  uint64_t NextId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  int64_t NowUs() { return environment_->NowUs(); }

  // The number of a write that is about to be encoded; none: Submit will give it one.
  WriteStamp TakeStamp() BATON_EXCLUDES(mutex_);

  // Takes the call over. One that is refused at once is completed before this returns.
  void Submit(std::unique_ptr<Call> call) BATON_EXCLUDES(mutex_);

  // Does what is due and returns when to be called again, as a time of the Environment's; kNever
  // if nothing is awaited.
  int64_t RunTimers() BATON_EXCLUDES(mutex_);

  // Starts to look for the leader, before the first call asks for it.
  void Warm() BATON_EXCLUDES(mutex_);

  // Completes every call with CANCELLED, takes no more, and ends the sessions of which nothing will
  // be asked any more. `ended` is called, perhaps at once, when they have ended or may not have:
  // without a leader, and after kEndTimeoutUs. REQUIRES: called once; RunTimers goes on meanwhile.
  void EndSessions(std::function<void()> ended) BATON_EXCLUDES(mutex_);

  // Completes every call with CANCELLED, closes every stream, and returns after the last callback.
  void Stop() BATON_EXCLUDES(mutex_);

 private:
  friend struct Lane;

  struct Write {
    std::shared_ptr<Stream> stream;
    std::string message;
  };
  struct Finished {
    std::unique_ptr<Call> call;
    v1::ExchangeResult* result;  // null: the call failed with `status`
    absl::Status status;
  };
  // What one locked step decided and what is done once the lock is released.
  struct Outbox {
    absl::InlinedVector<Write, 1> writes;
    std::vector<Finished> finished;
    std::vector<std::string> probes;
    std::vector<std::shared_ptr<Stream>> closes;
  };

  // Events of lanes and of probes.
  void OnMessage(Lane* lane, v1::ExchangeResponse* response) BATON_EXCLUDES(mutex_);
  void OnWritable(Lane* lane) BATON_EXCLUDES(mutex_);
  void OnClosed(Lane* lane, const absl::Status& why) BATON_EXCLUDES(mutex_);
  void OnProbe(const std::string& address, const absl::Status& status,
               const v1::StatusResponse& response) BATON_EXCLUDES(mutex_);

  // Whether this thread runs a batch of callbacks: calls that they submit gather until its end.
  bool Corked() const;
  // Runs what `outbox` says. Callbacks may submit more calls; those are flushed at the end.
  void Run(Outbox* outbox) BATON_EXCLUDES(mutex_);

  // Calls.
  absl::Status Admit(const Call& call) const BATON_REQUIRES(mutex_);
  void Enter(std::unique_ptr<Call> call, Outbox* outbox) BATON_REQUIRES(mutex_);
  void Route(Call* call, Outbox* outbox) BATON_REQUIRES(mutex_);
  void RoutePlaced(Call* call) BATON_REQUIRES(mutex_);
  void Gather(Lane* lane, Call* call) BATON_REQUIRES(mutex_);
  void Requeue(Call* call, Outbox* outbox) BATON_REQUIRES(mutex_);
  void Detach(Call* call) BATON_REQUIRES(mutex_);
  std::unique_ptr<Call> Take(Call* call) BATON_REQUIRES(mutex_);
  void FinishFailed(Call* call, absl::Status status, Outbox* outbox) BATON_REQUIRES(mutex_);
  void OnAnswer(Lane* lane, v1::ExchangeResult* result, Outbox* outbox) BATON_REQUIRES(mutex_);
  void Expire(Call* call, Outbox* outbox) BATON_REQUIRES(mutex_);
  void PassOver(const Call& call) BATON_REQUIRES(mutex_);
  void WaitFor(Call* call, const v1::Error& error) BATON_REQUIRES(mutex_);
  void ResumeAt(Call* call, int64_t time_us) BATON_REQUIRES(mutex_);

  // Sessions (dispatcher_sessions.cc).
  bool HasStamp(Call* call, Outbox* outbox) BATON_REQUIRES(mutex_);
  void Stamp(Call* call, const WriteStamp& stamp) BATON_REQUIRES(mutex_);
  void StampWaiting(Outbox* outbox) BATON_REQUIRES(mutex_);
  void OpenSession(Outbox* outbox) BATON_REQUIRES(mutex_);
  void OnSession(const absl::StatusOr<OpenedSession>& opened) BATON_EXCLUDES(mutex_);
  void OnSessionUnknown(Call* call, Outbox* outbox) BATON_REQUIRES(mutex_);
  void EndSession(uint64_t session, Outbox* outbox) BATON_REQUIRES(mutex_);
  void OnEndedOne() BATON_EXCLUDES(mutex_);
  void CancelAll(Outbox* outbox) BATON_REQUIRES(mutex_);
  void Settle(Call* call, absl::Status refusal, Outbox* outbox) BATON_REQUIRES(mutex_);
  void OnSettled(uint64_t call_id, const absl::Status& refusal,
                 const absl::StatusOr<OutcomeResult>& asked) BATON_EXCLUDES(mutex_);
  void Completed(const Call& call, bool unknown, Outbox* outbox) BATON_REQUIRES(mutex_);
  static absl::Status FateUnknown(const Call& call, const std::string& why);

  // Lanes.
  Lane* OpenLane(const std::string& address, const std::string& name, bool reads)
      BATON_REQUIRES(mutex_);
  void Flush(Lane* lane, Outbox* outbox) BATON_REQUIRES(mutex_);
  void FlushAll(Outbox* outbox) BATON_REQUIRES(mutex_);
  void Leave() BATON_REQUIRES(mutex_);
  void Demote(Outbox* outbox) BATON_REQUIRES(mutex_);
  void Follow(const v1::Leader& next, Outbox* outbox) BATON_REQUIRES(mutex_);
  void Adopt(const std::string& address, const std::string& name, Outbox* outbox)
      BATON_REQUIRES(mutex_);
  void GiveUp(Lane* lane, const std::string& why, Outbox* outbox) BATON_REQUIRES(mutex_);
  void CheckSilence(int64_t now_us, Outbox* outbox) BATON_REQUIRES(mutex_);
  void GiveUpSilent(const std::string& address, int64_t asked_us, Outbox* outbox)
      BATON_REQUIRES(mutex_);
  void CheckReadLanes(int64_t now_us, Outbox* outbox) BATON_REQUIRES(mutex_);

  // The search for the leader.
  void StartSearch(Outbox* outbox) BATON_REQUIRES(mutex_);
  void AskAll(Outbox* outbox) BATON_REQUIRES(mutex_);
  void Ask(const std::string& address, Outbox* outbox) BATON_REQUIRES(mutex_);
  void Learn(const std::string& address, Outbox* outbox) BATON_REQUIRES(mutex_);

  void WakeBy(int64_t time_us) BATON_REQUIRES(mutex_);
  int64_t NextTimer() const BATON_REQUIRES(mutex_);

  const ClientOptions options_;
  const int64_t silence_us_;
  Environment* const environment_;
  const std::unique_ptr<Network> network_;
  const std::function<void()> wake_;
  std::atomic<uint64_t> next_id_{1};

  Mutex mutex_;
  bool stopped_ BATON_GUARDED_BY(mutex_) = false;
  bool ending_ BATON_GUARDED_BY(mutex_) = false;          // EndSessions was called
  size_t sessions_ending_ BATON_GUARDED_BY(mutex_) = 0;   // asked for, not answered
  std::function<void()> ended_ BATON_GUARDED_BY(mutex_);  // set iff sessions_ending_ > 0

  // Every call that is not completed, by id. Size ≤ options_.in_flight_max.
  absl::flat_hash_map<uint64_t, std::unique_ptr<Call>> calls_ BATON_GUARDED_BY(mutex_);
  size_t call_bytes_ BATON_GUARDED_BY(mutex_) = 0;  // of their requests; ≤ in_flight_bytes_max
  std::deque<Call*> queued_ BATON_GUARDED_BY(mutex_);
  SessionPool sessions_ BATON_GUARDED_BY(mutex_);
  std::deque<Call*> unstamped_ BATON_GUARDED_BY(mutex_);  // wait for room in a session
  absl::btree_set<std::pair<int64_t, uint64_t>> deadlines_ BATON_GUARDED_BY(mutex_);  // every call
  absl::btree_set<std::pair<int64_t, uint64_t>> resumes_ BATON_GUARDED_BY(mutex_);  // the kWaiting

  LeaderCache leaders_ BATON_GUARDED_BY(mutex_);
  ReadPlaces places_ BATON_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Lane>> lanes_ BATON_GUARDED_BY(mutex_);  // until their OnClosed
  // The leader's, or null: then queued_ may be filled and searching_ is true if it is.
  Lane* current_ BATON_GUARDED_BY(mutex_) = nullptr;
  int64_t adopted_us_ BATON_GUARDED_BY(mutex_) = 0;  // when current_ was last set

  bool searching_ BATON_GUARDED_BY(mutex_) = false;
  int rounds_ BATON_GUARDED_BY(mutex_) = 0;  // of asking, since a leader last answered a call
  bool followed_ BATON_GUARDED_BY(mutex_) = false;  // a node was believed about another, since then
  int64_t next_round_us_ BATON_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, int64_t> asking_
      BATON_GUARDED_BY(mutex_);                   // probes under way, by when they began
  std::string trouble_ BATON_GUARDED_BY(mutex_);  // what the search last heard, for error messages

  // What RunTimers last returned. A timer set before it wakes the timer's thread.
  int64_t sleeping_until_us_ BATON_GUARDED_BY(mutex_) = 0;
};

}  // namespace baton::client
