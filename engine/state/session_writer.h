// SessionWriter: sessions while requests are sequenced. It keeps the table as of the newest entry,
// and writes effects that say what it does.
//
//   sessions.Begin(applied);                                a reign serves
//   sessions.BeginEntry(slot, log_time_us, &writer);        for each entry
//   const Session* session = sessions.Find(stamp.session);  for each request of a session
//   if (StandingOf(*session, ...) == Standing::kNew) { evaluate; sessions.Keep(stamp, result); }
//
// Owned by the replica loop. The writer of an entry outlives what is done in it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/types.h"
#include "engine/state/effects.h"
#include "engine/state/loss.h"
#include "engine/state/sessions.h"

namespace baton::engine {

inline constexpr uint64_t kIdleEndsMax = 256;  // sessions that one request ends

class SessionWriter {
 public:
  void Begin(SessionTable applied);
  // What follows belongs to that entry, whose effects `writer` gathers.
  void BeginEntry(Slot slot, int64_t log_time_us, EffectsWriter* writer);

  size_t size() const { return table_.size(); }
  // No result more can be kept.
  bool full() const { return table_.kept_bytes() >= kKeptBytesMax; }
  // Null: there is no such session.
  const Session* Find(uint64_t id) const { return table_.Find(id); }

  // The new session's id; nullopt: there are kSessionsMax.
  std::optional<uint64_t> Open(uint64_t ttl_ms);
  // REQUIRES of the four: Find(session).
  void Touch(uint64_t session);
  void End(uint64_t session);
  // The result of the request that was written just now, or of one that changed nothing.
  void Keep(const SessionStamp& stamp, const WriteResult& result);
  // It has no result, and is to have none.
  void Fence(uint64_t session, uint64_t sequence);
  // Marks those of requests that were sent again, and have a result all the same, or are listed as
  // another leader's loss.
  void MarkRepeats(LossRequest* request) const;
  // Of writes that may have been acknowledged, and whose session is still there: who asks is told.
  void KeepLosses(const LossRequest& request);

  // Ends those that were idle for their time to live, at most kIdleEndsMax.
  void EndIdle();
  // Log time from when EndIdle has something to do; nullopt: there are no sessions.
  std::optional<int64_t> NextIdleUs() const;

 private:
  void Apply(const Effect& effect) { table_.Apply(effect, slot_, log_time_us_); }
  void KeepFate(const SessionStamp& stamp, Revision revision, const Fate& fate);
  void LookAt(int64_t at_us, uint64_t session);

  SessionTable table_;
  // Each session once, by a time at which it has not ended before: looked at anew then.
  std::set<std::pair<int64_t, uint64_t>> looks_;
  absl::flat_hash_map<uint64_t, int64_t> look_of_;  // the same, by session
  Slot slot_;
  int64_t log_time_us_ = 0;
  EffectsWriter* writer_ = nullptr;
};

}  // namespace baton::engine
