// HandoverRow: what the log knows of one handover, from its request to its outcome; or of an
// election, which has no request: its id is made of the winner's ballot, its checks are how the
// voters stood, best first.
//
// A row for each, by its number, written anew at each step: up to the Seal by the reign that gives
// leadership away, its outcome by whoever leads next. A final row never changes. Functions, any
// thread.
//
//   row    := version (u8 = 2) number (varint) order actor (string) ballot to (varint)
//             steps (varint) step+ checks (varint) check* outcome (string) successor (ballot)
//             write pause (varint, us) approval opinion ended by (string)
//             last write (varint, us) first write (varint, us)
//   approval := risk (string) actor (string) reason (string) until (varint, us)
//   opinion  := policy (varint) shadow (varint) otherwise (string)
//   order  := id (string) to (varint) reason (string) deadline (varint, us) probation (varint, us)
//   step   := state (u8) slot (varint) log time (varint, us) wall time (varint, us)
//   check  := name (string) limit (string) measured (string) passed (u8, 0 or 1)
//   ballot := round (varint) node (varint)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/types.h"

namespace baton::server {

inline constexpr uint8_t kHandoverRowVersion = 2;
inline constexpr size_t kHandoverIdBytesMax = 64;
// Of those that nodes make.
inline constexpr std::string_view kElectionIdPrefix = "election-";  // the ballot: "election-7.2"
inline constexpr std::string_view kHandBackIdPrefix = "back-";      // the number of what failed
inline constexpr std::string_view kDrainIdPrefix = "drain-";        // the ballot

enum class HandoverState : uint8_t {
  kRequested = 1,
  kPreflight = 2,   // the target is examined
  kReady = 3,       // it has warmed up, and promised to take over until its promise expires
  kSealed = 4,      // the old reign has ended; what follows is read off the log
  kReign = 5,       // the target's Reign is chosen: the handover has happened
  kProbation = 6,   // the new leader must sustain writes
  kDone = 7,        // final from here on
  kAborted = 8,     // the old leader goes on, or another than the target leads
  kHandedBack = 9,  // the new leader could not sustain writes
  kRejected = 10,   // the target failed its preflight
  // Of an election: the same kind of record, which goes on with kReign.
  kDetected = 11,  // the winner knew of no leader any more
  kCanvass = 12,   // it stood
  kPromised = 13,  // a quorum had promised, and it had the best log
  // Where the policy asks for an approval, between kRequested and kPreflight.
  kAwaiting = 14,
  kApproved = 15,
};
bool Final(HandoverState state);
bool BeforeSeal(HandoverState state);  // the old reign goes on, and the outcome is open
// Whether a row may go from one state to the next. Steps are not left out, but may end early.
bool MayFollow(HandoverState before, HandoverState after);
std::string_view NameOf(HandoverState state);  // "REQUESTED"

// What was asked for. The same id with another order is refused.
struct HandoverOrder {
  std::string id;  // 1..kHandoverIdBytesMax printable bytes without spaces
  NodeId to;       // 0: to the best-ranked
  std::string reason;
  int64_t deadline_us = 0;   // from the request to the Reign, by the log's clock
  int64_t probation_us = 0;  // 0: none
  friend bool operator==(const HandoverOrder&, const HandoverOrder&) = default;
};

// When a state was entered, and what was the newest slot then.
struct HandoverStep {
  HandoverState state = HandoverState::kRequested;
  Slot slot;
  int64_t log_time_us = 0;
  int64_t wall_time_us = 0;
  friend bool operator==(const HandoverStep&, const HandoverStep&) = default;
};

// One question of the preflight, as it was answered.
struct HandoverCheck {
  std::string name;  // "lag"
  std::string limit;
  std::string measured;
  bool passed = false;
  friend bool operator==(const HandoverCheck&, const HandoverCheck&) = default;
};

// Why it asked for an approval, and who gave it.
struct HandoverApproval {
  std::string risk;  // empty: it asked for none
  std::string actor;
  std::string reason;
  int64_t until_us = 0;  // sealed later than that it is given up; wall clock; 0: not given yet
  friend bool operator==(const HandoverApproval&, const HandoverApproval&) = default;
};

// By which policy it was decided, and what another would have decided.
struct PolicyOpinion {
  uint64_t policy = 0;    // version that was in force; 0: not known
  uint64_t shadow = 0;    // version that was judged beside it; 0: none
  std::string otherwise;  // what that would have decided otherwise, for people; empty: nothing
  friend bool operator==(const PolicyOpinion&, const PolicyOpinion&) = default;
};

struct HandoverRow {
  uint64_t number = 0;  // names it in a Seal and a Reign: the slot of its first row; 0: not written
  HandoverOrder order;
  std::string actor;
  Ballot ballot;  // of the reign that was asked to end
  NodeId to;      // chosen by the preflight where the order names none; 0: not yet
  std::vector<HandoverStep> steps;  // by slot, never empty
  std::vector<HandoverCheck> checks;
  std::string outcome;  // for people: why it ended as it did; empty until it is final
  Ballot successor;     // of the reign that followed; round 0: none yet
  // From the last acknowledgement before to the first after; 0: unknown.
  int64_t write_pause_us = 0;
  HandoverApproval approval;
  PolicyOpinion opinion;
  std::string ended_by;  // who aborted it; empty: nobody asked for its end
  // Of an election, by the wall clock: when the last write before it was chosen and the first
  // after it, as the winner knows; 0: not known.
  int64_t last_write_us = 0;
  int64_t first_write_us = 0;

  HandoverState state() const { return steps.back().state; }
  bool election() const { return steps.front().state == HandoverState::kDetected; }
  friend bool operator==(const HandoverRow&, const HandoverRow&) = default;
};
// Where it lies in the table of handovers: the number, big-endian, so that rows sort by age.
std::string HandoverRowSuffix(uint64_t number);
std::string EncodeHandoverRow(const HandoverRow& row);
// Errors: DATA_LOSS, or FAILED_PRECONDITION for a newer version.
absl::StatusOr<HandoverRow> DecodeHandoverRow(std::string_view bytes);

// INVALID_ARGUMENT says what to change.
absl::Status CheckHandoverId(std::string_view id);
// As above, and it is none that a node makes.
absl::Status CheckNewHandoverId(std::string_view id);

}  // namespace baton::server
