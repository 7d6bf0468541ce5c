// What to do with a call that was answered or whose connection broke: the rules, and nothing else.
//
// Pure functions; time and randomness are arguments. Any thread.
#pragma once

#include <cstdint>

#include "baton/v1/common.pb.h"

namespace baton::client {

enum class Verdict {
  kDone,         // success
  kFail,         // the answer is final: hand it to the caller
  kFindLeader,   // surely no effect (or a read): send it again, to the leader; a read that is not
                 // the leader's alone, to another node
  kLater,        // surely no effect: send it again to the same node after a delay
  kFateUnknown,  // a write that may have taken effect: sent again only if it has a stamp
};

// The verdict on an answer. `code` is a google.rpc.Code.
Verdict Judge(int code, v1::Reason reason, bool write);

// Whether the refusal is the write's result, which every attempt with the same stamp gets: then
// none of them took effect.
bool IsKept(v1::Reason reason);

// The verdict on a call that was sent on a stream that broke before it was answered.
inline Verdict JudgeBroken(bool write) {
  return write ? Verdict::kFateUnknown : Verdict::kFindLeader;
}

// Exponential back-off with jitter: attempt n (from 0) waits between half of and the whole of
// first_us × 2^n, at most max_us. Half is kept so that a herd neither returns at once nor together.
struct Backoff {
  int64_t first_us = 0;
  int64_t max_us = 0;
};
int64_t BackoffUs(const Backoff& backoff, int attempt, uint64_t random);

// Rounds of the search for a leader. The wait adds directly to the gap that a failover leaves in a
// client's writes, so it stays short; a round is one small call to each endpoint.
inline constexpr Backoff kSearchBackoff{2'000, 40'000};

// A node that said it is overloaded; its own retry_after_ms is a lower bound.
inline constexpr Backoff kOverloadBackoff{5'000, 500'000};

}  // namespace baton::client
