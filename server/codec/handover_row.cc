#include "server/codec/handover_row.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/coding.h"
#include "server/codec/row_coding.h"

namespace baton::server {
namespace {

constexpr const char* kWhat = "a row of a handover";
constexpr std::array<std::string_view, 15> kNames = {
    "REQUESTED", "PREFLIGHT", "READY",    "SEALED",      "REIGN",
    "PROBATION", "DONE",      "ABORTED",  "HANDED_BACK", "REJECTED",
    "DETECTED",  "CANVASS",   "PROMISED", "AWAITING",    "APPROVED"};

bool Known(uint64_t state) { return state >= 1 && state <= kNames.size(); }

std::string ReadText(Decoder* from) { return std::string(from->ReadString()); }

void PutOrder(std::string* to, const HandoverOrder& order) {
  PutString(to, order.id);
  PutNode(to, order.to);
  PutString(to, order.reason);
  PutTime(to, order.deadline_us);
  PutTime(to, order.probation_us);
}
HandoverOrder ReadOrder(Decoder* from) {
  HandoverOrder order;
  order.id = ReadText(from);
  order.to = ReadNode(from);
  order.reason = ReadText(from);
  order.deadline_us = ReadTime(from);
  order.probation_us = ReadTime(from);
  return order;
}

void PutStep(std::string* to, const HandoverStep& step) {
  PutByte(to, static_cast<uint8_t>(step.state));
  PutVarint(to, step.slot.value);
  PutTime(to, step.log_time_us);
  PutTime(to, step.wall_time_us);
}
HandoverStep ReadStep(Decoder* from) {
  HandoverStep step;
  const uint8_t state = from->ReadByte();
  if (!Known(state)) from->Fail();
  step.state = static_cast<HandoverState>(state);
  step.slot = Slot{from->ReadVarint()};
  step.log_time_us = ReadTime(from);
  step.wall_time_us = ReadTime(from);
  return step;
}

void PutCheck(std::string* to, const HandoverCheck& check) {
  PutString(to, check.name);
  PutString(to, check.limit);
  PutString(to, check.measured);
  PutByte(to, check.passed ? 1 : 0);
}
HandoverCheck ReadCheck(Decoder* from) {
  HandoverCheck check;
  check.name = ReadText(from);
  check.limit = ReadText(from);
  check.measured = ReadText(from);
  const uint8_t passed = from->ReadByte();
  if (passed > 1) from->Fail();
  check.passed = passed == 1;
  return check;
}

void PutApproval(std::string* to, const HandoverApproval& approval) {
  PutString(to, approval.risk);
  PutString(to, approval.actor);
  PutString(to, approval.reason);
  PutTime(to, approval.until_us);
}
HandoverApproval ReadApproval(Decoder* from) {
  HandoverApproval approval;
  approval.risk = ReadText(from);
  approval.actor = ReadText(from);
  approval.reason = ReadText(from);
  approval.until_us = ReadTime(from);
  return approval;
}

void PutOpinion(std::string* to, const PolicyOpinion& opinion) {
  PutVarint(to, opinion.policy);
  PutVarint(to, opinion.shadow);
  PutString(to, opinion.otherwise);
}
PolicyOpinion ReadOpinion(Decoder* from) {
  PolicyOpinion opinion;
  opinion.policy = from->ReadVarint();
  opinion.shadow = from->ReadVarint();
  opinion.otherwise = ReadText(from);
  return opinion;
}

bool Begins(HandoverState state) {
  return state == HandoverState::kRequested || state == HandoverState::kDetected;
}

// Each must be one that may follow the one before.
std::vector<HandoverStep> ReadSteps(Decoder* from) {
  std::vector<HandoverStep> steps;
  for (uint64_t left = from->ReadVarint(); left > 0 && from->ok(); --left) {
    const HandoverStep step = ReadStep(from);
    const bool follows =
        steps.empty() ? Begins(step.state)
                      : MayFollow(steps.back().state, step.state) && steps.back().slot <= step.slot;
    if (!follows) from->Fail();
    steps.push_back(step);
  }
  if (steps.empty()) from->Fail();
  return steps;
}

}  // namespace

bool Final(HandoverState state) {
  return HandoverState::kDone <= state && state <= HandoverState::kRejected;
}

bool BeforeSeal(HandoverState state) {
  using enum HandoverState;
  return state <= kReady || state == kAwaiting || state == kApproved;
}

bool MayFollow(HandoverState before, HandoverState after) {
  using enum HandoverState;
  switch (after) {
    case kRequested:
    case kDetected:
      return false;
    case kCanvass:
      return before == kDetected;
    case kPromised:
      return before == kCanvass;
    case kAwaiting:
      return before == kRequested;
    case kApproved:
      return before == kAwaiting;
    case kPreflight:
      return before == kRequested || before == kApproved;
    case kReady:
      return before == kPreflight;
    case kSealed:
      return before == kReady;
    case kReign:
      return before == kSealed || before == kPromised;
    case kProbation:
      return before == kReign;
    case kDone:
      return before == kReign || before == kProbation;
    case kAborted:
      return BeforeSeal(before) || before == kSealed;
    case kHandedBack:
      return before == kProbation;
    case kRejected:
      return before == kPreflight;
  }
  return false;
}

std::string_view NameOf(HandoverState state) {
  BATON_CHECK(Known(static_cast<uint8_t>(state)));
  return kNames[static_cast<size_t>(state) - 1];
}

std::string HandoverRowSuffix(uint64_t number) {
  std::string suffix;
  PutBig64(&suffix, number);
  return suffix;
}

std::string EncodeHandoverRow(const HandoverRow& row) {
  BATON_CHECK(!row.steps.empty());
  std::string bytes;
  PutByte(&bytes, kHandoverRowVersion);
  PutVarint(&bytes, row.number);
  PutOrder(&bytes, row.order);
  PutString(&bytes, row.actor);
  PutBallot(&bytes, row.ballot);
  PutNode(&bytes, row.to);
  PutVarint(&bytes, row.steps.size());
  for (const HandoverStep& step : row.steps) PutStep(&bytes, step);
  PutVarint(&bytes, row.checks.size());
  for (const HandoverCheck& check : row.checks) PutCheck(&bytes, check);
  PutString(&bytes, row.outcome);
  PutBallot(&bytes, row.successor);
  PutTime(&bytes, row.write_pause_us);
  PutApproval(&bytes, row.approval);
  PutOpinion(&bytes, row.opinion);
  PutString(&bytes, row.ended_by);
  PutTime(&bytes, row.last_write_us);
  PutTime(&bytes, row.first_write_us);
  return bytes;
}

absl::StatusOr<HandoverRow> DecodeHandoverRow(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t version = from.ReadByte();
  if (!from.ok()) return Unreadable(kWhat);
  if (absl::Status s = CheckVersion(kWhat, version, kHandoverRowVersion); !s.ok()) return s;
  HandoverRow row;
  row.number = from.ReadVarint();
  row.order = ReadOrder(&from);
  row.actor = ReadText(&from);
  row.ballot = ReadBallot(&from);
  row.to = ReadNode(&from);
  row.steps = ReadSteps(&from);
  for (uint64_t left = from.ReadVarint(); left > 0 && from.ok(); --left) {
    row.checks.push_back(ReadCheck(&from));
  }
  row.outcome = ReadText(&from);
  row.successor = ReadBallot(&from);
  row.write_pause_us = ReadTime(&from);
  row.approval = ReadApproval(&from);
  row.opinion = ReadOpinion(&from);
  row.ended_by = ReadText(&from);
  row.last_write_us = ReadTime(&from);
  row.first_write_us = ReadTime(&from);
  if (!from.Done()) return Unreadable(kWhat);
  return row;
}

absl::Status CheckHandoverId(std::string_view id) {
  const bool fits = !id.empty() && id.size() <= kHandoverIdBytesMax;
  if (fits && std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the id of a handover is 1 to ", kHandoverIdBytesMax,
                   " printable ASCII characters without spaces; give another, or none to have "
                   "one made"));
}

absl::Status CheckNewHandoverId(std::string_view id) {
  for (const std::string_view prefix : {kElectionIdPrefix, kHandBackIdPrefix, kDrainIdPrefix}) {
    if (id.rfind(prefix, 0) != 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("ids that begin with ", std::string(prefix),
                                                   " are made by nodes; give another"));
  }
  return CheckHandoverId(id);
}

}  // namespace baton::server
