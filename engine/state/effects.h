// Effects: what the requests of one entry change, as the log carries it. Physical: keys and rows
// are the engine's own bytes, so that applying needs no evaluation and gives the same on every
// node.
//
//   effects := nothing | version (u8 = 1) part*
//   part    := 1 (u8) (effect+ | open)    a request; revision: base + requests before it
//            | 6 (u8) session (varint) sequence (varint) acked below (varint) result (string)
//            | 7 (u8) session (varint)    ends it
//            | 8 (u8) session (varint)    its client lives
//   effect  := 2 (u8) key (string) row (string)     put
//            | 3 (u8) key (string)                  delete
//            | 4 (u8) begin (string) end (string)   delete [begin, end); begin < end
//   open    := 5 (u8) time to live (varint, ms)     a session begins: its id is the revision
//
// Keys are engine keys (key_encoding.h), strings as in base/coding.h. A request without effects
// leaves nothing and takes no revision. A result (sessions.h) follows its request, and stands alone
// if that changed nothing. The base revision stands in the entry's header.
//
// A writer or reader belongs to one thread. Readers and what they return point into the bytes
// given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/coding.h"
#include "base/types.h"
#include "engine/state/request.h"

namespace baton::engine {

inline constexpr uint8_t kEffectsVersion = 1;

enum class EffectKind : uint8_t {
  kRequest = 1,
  kPut = 2,
  kDelete = 3,
  kDeleteRange = 4,
  kOpenSession = 5,
  kResult = 6,
  kEndSession = 7,
  kTouchSession = 8,
};
inline bool IsOfSession(EffectKind kind) { return kind >= EffectKind::kOpenSession; }

struct Effect {
  EffectKind kind = EffectKind::kPut;  // kRequest never comes out of a reader
  // Of its request; of a result, of the request before it, Revision{} if there is none.
  Revision revision;
  std::string_view key;  // engine key; begin of a range
  std::string_view row;  // kPut
  std::string_view end;  // kDeleteRange
  // Of a session; `stamp` is whole with kResult only.
  SessionStamp stamp;
  uint64_t ttl_ms = 0;      // kOpenSession
  std::string_view result;  // kResult
};

// Builds the effects of one entry while its requests are evaluated.
//
//   EffectsWriter w(next_revision);
//   w.BeginRequest(); w.Put(ks, "k", "v"); Revision r = w.EndRequest();
//   entry.effects = w.bytes(); entry.request_count = w.requests();
class EffectsWriter {
 public:
  explicit EffectsWriter(Revision base) : base_(base) {}

  Revision base() const { return base_; }
  // Requests with effects so far: the next entry's base is base() + requests().
  uint64_t requests() const { return requests_; }
  // Of the next request that has effects.
  Revision next_revision() const { return Revision{base_.value + requests_}; }
  // Valid until the next change. Empty as long as nothing had effects.
  std::string_view bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

  void BeginRequest();
  // REQUIRES of all: between BeginRequest and EndRequest or DropRequest.
  void Put(KeyspaceId keyspace, std::string_view key, std::string_view value);
  void PutSystem(std::string_view engine_key, std::string_view value);
  void Delete(KeyspaceId keyspace, std::string_view key);
  void DeleteSystem(std::string_view engine_key);
  void DeleteRange(std::string_view engine_begin, std::string_view engine_end);
  // The session's id is the request's revision. REQUIRES: nothing else is in the request.
  void OpenSession(uint64_t ttl_ms);
  // Returns the request's revision, or Revision{} if it changed nothing.
  Revision EndRequest();
  // Takes back what the request has written.
  void DropRequest();

  // REQUIRES of the three: outside a request. A result whose request has a revision follows it at
  // once.
  void KeepResult(const SessionStamp& stamp, std::string_view result);
  void EndSession(uint64_t session);
  void TouchSession(uint64_t session);

  // Forgets all, keeps the memory: for the next entry.
  void Reset(Revision base);

 private:
  void Start(EffectKind kind);  // opens the request on its first effect
  void StartAlone(EffectKind kind, uint64_t session);

  Revision base_;
  uint64_t requests_ = 0;
  bool in_request_ = false;
  bool wrote_ = false;        // the request in progress has an effect
  size_t request_start_ = 0;  // bytes_.size() at BeginRequest
  std::string bytes_;
};

// One effect on a session, from its kind on: for rows that keep such effects (session_rows.h).
// REQUIRES of the first: IsOfSession(effect.kind).
void AppendSessionEffect(const Effect& effect, std::string* to);
// Fails the decoder if it is none. `revision` of the effect is the caller's to set.
Effect ReadSessionEffect(Decoder* in);

// Reads effects from untrusted bytes: bounded by them, never crashes.
//
//   EffectsReader r(bytes, base);
//   for (Effect e; r.Next(&e);) ...;
//   if (!r.status().ok()) ...
class EffectsReader {
 public:
  EffectsReader(std::string_view bytes, Revision base);
  // Reads on behind a first part in which `requests` requests were begun; `rest` follows that part
  // at an effect's end.
  static EffectsReader Continue(std::string_view rest, Revision base, uint64_t requests);

  // The next effect, or false at the end or at an error.
  bool Next(Effect* effect);
  // FAILED_PRECONDITION: a version, kind or row newer than this node (the text names it);
  // DATA_LOSS: not effects.
  const absl::Status& status() const { return status_; }
  // Requests begun so far.
  uint64_t requests() const { return requests_; }

 private:
  EffectsReader() = default;
  bool Fail(absl::Status status);
  bool CheckKey(const Effect& effect);

  std::string_view rest_;
  Revision base_;
  uint64_t requests_ = 0;
  absl::Status status_;
};

}  // namespace baton::engine
