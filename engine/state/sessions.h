// Sessions: who has asked for what, and what became of it, so that a repeat gets the answer of the
// first and nothing takes effect twice.
//
// A session belongs to one client. It numbers its requests; the result of each is kept with the
// effects that it belongs to, in one entry of the log, until the client says that it has it
// (acked_below). A number that was asked about before it had a result is fenced: it never takes
// effect. A session ends when its client ends it, or when it was idle for its time to live, by log
// time.
//
// SessionTable is a plain value: the leader keeps one as sequenced, every node one as applied
// (session_rows.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"
#include "engine/state/effects.h"
#include "engine/state/request.h"

namespace baton::engine {

inline constexpr uint64_t kSessionWindowMax = 1'024;  // sequence numbers from acked_below on
inline constexpr uint64_t kSessionsMax = 100'000;
inline constexpr size_t kUnusedMax = 64;              // runs of numbers, see Session
inline constexpr uint64_t kKeptBytesMax = 256 << 20;  // of all results, about

// What clients ask of sessions.
struct OpenSession {
  uint64_t ttl_ms = kSessionTtlMsMin;  // within kSessionTtlMsMin and kSessionTtlMsMax
};
struct TouchSession {
  uint64_t session = 0;
};
struct EndSession {
  uint64_t session = 0;
};
// What became of a request; it is fenced if it has no result.
struct GetOutcome {
  uint64_t session = 0;
  uint64_t sequence = 0;
};
using SessionRequest = std::variant<OpenSession, TouchSession, EndSession, GetOutcome>;

// A row of the ledger of losses (loss.h).
struct LossName {
  EntryId entry;
  uint32_t index = 0;
  friend bool operator==(const LossName&, const LossName&) = default;
};

struct SessionResult {
  enum class Outcome : uint8_t {
    kNone = 0,        // was not asked for
    kApplied = 1,     // `result`, which may be a rejection
    kNotApplied = 2,  // and never will be
    kLost = 3,        // it was applied, and rolled back with a leader that was lost: `lost`
    kExpired = 4,     // its result is not kept any more: nobody knows
  };
  uint64_t session = 0;
  uint64_t ttl_ms = 0;  // of one that was opened
  Outcome outcome = Outcome::kNone;
  WriteResult result;
  LossName lost;
};

// What became of one request, or that it was fenced: it never takes effect. One that is lost is
// fenced too: what to do about it is for whoever reads the ledger.
struct Fate {
  bool fenced = false;
  std::optional<LossName> lost;  // the first of its rows; only if fenced
  WriteResult result;            // unless fenced
  friend bool operator==(const Fate&, const Fate&) = default;
};

// A fate as effects carry it (docs/storage.md). Its revision is not in it: a result with one has
// that of the request it follows.
std::string EncodeFate(const Fate& fate);
// FAILED_PRECONDITION: flags that are newer than this node; DATA_LOSS: no fate.
absl::StatusOr<Fate> DecodeFate(std::string_view bytes, Revision of_request);

// As long as it is kept.
struct KeptResult {
  Slot slot;            // of the entry that holds it
  Revision of_request;  // Revision{}: it has none
  std::string fate;     // encoded
  uint64_t Bytes() const { return sizeof(KeptResult) + 64 + fate.size(); }  // in memory, about
  friend bool operator==(const KeptResult&, const KeptResult&) = default;
};

// Numbers of a session that took no effect, and are all as well known.
struct UnusedRun {
  uint64_t end = 0;  // above the last
  Ballot lost_by;    // whose reign lost them, so the ledger says; Ballot{}: it has none of them
  friend bool operator==(const UnusedRun&, const UnusedRun&) = default;
};

struct Session {
  int64_t ttl_us = 0;
  int64_t active_us = 0;                // log time of its last entry
  uint64_t acked_below = 1;             // <= each number in `kept`; never decreases
  std::map<uint64_t, KeptResult> kept;  // by sequence number; all < acked_below + kSessionWindowMax
  // Of the numbers from unused_from to below acked_below, those that took no effect, in runs by
  // their first. Of those below unused_from nothing is known any more.
  std::map<uint64_t, UnusedRun> unused;  // at most kUnusedMax
  uint64_t unused_from = 1;              // <= acked_below
  // Whether it is known that another attempt counts than that which `by` lost: it took effect, or
  // the ledger has it as lost by another. Of a number whose result was let go.
  bool CountsElsewhere(uint64_t sequence, const Ballot& by) const;
  // When it ends if nothing comes of it, by log time.
  int64_t EndsUs() const { return active_us + ttl_us; }
  friend bool operator==(const Session&, const Session&) = default;
};

class SessionTable {
 public:
  // What an effect on a session does; the entry's slot and log time. One on a session that has
  // ended does nothing. REQUIRES: IsOfSession(effect.kind).
  void Apply(const Effect& effect, Slot slot, int64_t log_time_us);

  // Null: it has ended, or never was.
  const Session* Find(uint64_t id) const;
  size_t size() const { return sessions_.size(); }
  // Of all results that are kept, about.
  uint64_t kept_bytes() const { return kept_bytes_; }
  // Calls `each(id, session)`, ascending by id.
  template <class Each>
  void ForEach(Each each) const {
    for (const auto& [id, session] : sessions_) each(id, session);
  }

  // For a table that is being read back.
  void Put(uint64_t id, Session session);

  friend bool operator==(const SessionTable&, const SessionTable&) = default;

 private:
  void Keep(const Effect& effect, Slot slot, Session* session);
  void Forget(Session* session, uint64_t below);
  static void NoteUnused(Session* session, uint64_t below);
  static void NoteListed(Session* session, uint64_t sequence, const Ballot& lost_by);

  std::map<uint64_t, Session> sessions_;
  uint64_t kept_bytes_ = 0;
};

// Where the number stands with the session.
enum class Standing : uint8_t {
  kNew,      // it may be evaluated
  kKept,     // session.kept has it
  kTooOld,   // its result was let go: the client said that it has it
  kTooFarOn  // results from so far below it are kept still
};
// `acked_below`: what the request itself says.
Standing StandingOf(const Session& session, uint64_t sequence, uint64_t acked_below);

}  // namespace baton::engine
