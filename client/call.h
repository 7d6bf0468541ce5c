// One call of the public API on its way: its request as bytes, and the callback that awaits it.
//
// Owner: the dispatcher, from Submit until it is completed, exactly once. The fields are the
// dispatcher's, guarded by its mutex.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "baton/client.h"
#include "baton/v1/kv.pb.h"
#include "client/codec.h"
#include "client/read_places.h"

namespace baton::client {

struct Lane;

struct CallHeader {
  uint64_t id = 0;            // unique within the client
  bool write = false;         // false: may be repeated freely
  bool exactly_once = false;  // a write that needs a stamp, and may be repeated with it
  WriteStamp stamp;           // in `request` too
  ReadPlace place;            // the leader, unless it is a read
  std::string request;  // a v1.ExchangeRequest with this one item: requests are joined end to end
  int64_t encoded_us = 0;   // when its timeout_ms was written into `request`
  int64_t deadline_us = 0;  // > encoded_us
};

class Call {
 public:
  enum class State {
    kUnstamped,  // waits for a session with room
    kQueued,     // waits for a leader
    kGathered,   // in its lane, for the next message
    kSent,       // in its lane, in a message that was given to the stream
    kWaiting,    // for a delay that a node asked for, or until a node may be asked again
    kSettling,   // nowhere, until it is known what became of an attempt
  };

  explicit Call(CallHeader header) : header(std::move(header)) {}
  virtual ~Call() = default;
  virtual void Succeed(v1::ExchangeResult* result) = 0;
  virtual void Fail(absl::Status status) = 0;

  CallHeader header;
  State state = State::kQueued;
  bool uncertain = false;  // it was sent before, and may have taken effect
  bool applied = false;    // it has: what is asked for is its result
  Lane* lane = nullptr;    // set iff kGathered or kSent
  int overloads = 0;       // answers that asked for a delay
  int64_t resume_us = 0;   // of kWaiting
};

// A call whose callback takes a Result. `done` runs without any of the client's locks.
template <class Result>
class TypedCall final : public Call {
 public:
  TypedCall(CallHeader header, Callback<Result> done)
      : Call(std::move(header)), done_(std::move(done)) {}
  void Succeed(v1::ExchangeResult* result) override { done_(Decode<Result>(result)); }
  void Fail(absl::Status status) override { done_(std::move(status)); }

 private:
  Callback<Result> done_;
};

}  // namespace baton::client
