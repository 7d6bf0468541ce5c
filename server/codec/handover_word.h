// HandoverWord: what the node that gives leadership away and the one that is to take it say to each
// other before and after it passes. The core carries the bytes and looks at none of them: what must
// hold for safety is in the log.
//
//   word    := version (u8 = 1) kind (u8) handover (varint) rest
//   ask     := promise (u8, 0 or 1) hold (varint, us) applied (varint, slot)
//   tell    := promised (u8) held until it runs out, us (varint) applied (varint, slot)
//              unapplied (varint, entries) log room (varint, bytes) flags (u8)
//              write median (varint, us) wall time (varint, us)
//   handed  := since the last acknowledgement (varint, us)
//
// Functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "base/types.h"

namespace baton::server {

inline constexpr uint8_t kHandoverWordVersion = 1;

// To the target: how are you? Answered once it has applied that slot, which its log then has on
// disk, a write and an apply that are real; and not while it waits after a restart, since it would
// not take over.
struct AskReady {
  uint64_t handover = 0;
  bool promise = false;  // from now on, and for so long, keep requests that come for the new leader
  int64_t hold_us = 0;
  Slot applied;
  friend bool operator==(const AskReady&, const AskReady&) = default;
};

// By the target, of itself.
struct TellReady {
  uint64_t handover = 0;
  bool promised = false;
  Slot applied;
  uint64_t unapplied = 0;       // entries of its log above that
  uint64_t log_room_bytes = 0;  // in segments that are prepared
  bool nearly_full = false;     // its disk
  bool installing = false;      // a snapshot is on its way to it
  bool barred = false;          // by an operator
  int64_t write_us = 0;         // median of the last second's log writes; 0: none yet
  int64_t wall_time_us = 0;
  friend bool operator==(const TellReady&, const TellReady&) = default;
};

// By the leader that was, once it has handed over.
struct TellHanded {
  uint64_t handover = 0;
  int64_t since_ack_us = 0;  // since it acknowledged a write last, half a round trip included
  friend bool operator==(const TellHanded&, const TellHanded&) = default;
};

using HandoverWord = std::variant<AskReady, TellReady, TellHanded>;

std::string EncodeHandoverWord(const HandoverWord& word);
// Errors: DATA_LOSS, or FAILED_PRECONDITION for a newer version.
absl::StatusOr<HandoverWord> DecodeHandoverWord(std::string_view bytes);

}  // namespace baton::server
