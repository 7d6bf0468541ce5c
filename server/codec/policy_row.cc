#include "server/codec/policy_row.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/coding.h"
#include "server/codec/row_coding.h"

namespace baton::server {
namespace {

constexpr const char* kWhat = "a row of a policy";
constexpr std::array<std::string_view, 4> kStates = {"PROPOSED", "SHADOW", "ACTIVE", "RETIRED"};
constexpr uint64_t kHour = 3'600;
constexpr uint64_t kDay = 24 * kHour;

constexpr std::array<PolicyLimitInfo, kPolicyLimits> kInfos = {{
    {"handover_lag_max", "entries", 1'024, 1 << 20, "that the target of a handover may lack"},
    {"handover_unapplied_max", "entries", 1'024, 1 << 20,
     "that the target of a handover has and may not have applied"},
    {"handover_clock_ms_max", "ms", 1'000, kDay * 1'000,
     "between the wall clocks of leader and target"},
    {"handover_write_factor", "times", 4, 1'000,
     "as long as the leader's may the target's log writes take"},
    {"handover_write_ms_floor", "ms", 20, 10'000, "a log write of the target may take in any case"},
    {"flap_reign_s", "s", 60, kDay, "a reign that is lost sooner is a flap"},
    {"hold_down_s", "s", 60, kDay, "a node that flaps is held down, at first"},
    {"hold_down_s_max", "s", kHour, kDay, "a node is held down at the most"},
    {"flaps_forgotten_s", "s", kHour, 7 * kDay, "after which a flap counts as the first again"},
    {"approve_cross_region", "0 or 1", 0, 1, "a handover to another region asks for approval"},
    {"approve_moves_per_hour", "moves", 0, kMovesPerHourMax,
     "in an hour go without approval; 0: all"},
    {"approval_wait_s", "s", kHour, kDay, "a handover waits for its approval"},
}};

uint64_t UsPer(std::string_view unit) {
  BATON_CHECK(unit == "ms" || unit == "s") << "no time: " << std::string(unit);
  return unit == "ms" ? 1'000 : 1'000'000;
}

void ReadLimits(Decoder* from, Policy* to, bool* unknown) {
  for (uint64_t left = from->ReadVarint(); left > 0 && from->ok(); --left) {
    const std::string_view name = from->ReadString();
    const uint64_t value = from->ReadVarint();
    const auto* const info = std::find_if(kInfos.begin(), kInfos.end(),
                                          [&](const auto& each) { return each.name == name; });
    if (info == kInfos.end()) {
      *unknown = true;
    } else {
      to->limits[static_cast<size_t>(info - kInfos.begin())] = value;
    }
  }
}

}  // namespace

const std::array<PolicyLimitInfo, kPolicyLimits>& PolicyLimitInfos() { return kInfos; }

Policy::Policy() {
  for (size_t i = 0; i < kPolicyLimits; ++i) limits[i] = kInfos[i].usual;
}

int64_t Policy::Us(PolicyLimit limit) const {
  const uint64_t per = UsPer(kInfos[static_cast<size_t>(limit)].unit);
  return static_cast<int64_t>((*this)[limit] * per);
}

std::string_view NameOf(PolicyState state) { return kStates[static_cast<size_t>(state) - 1]; }

std::string PolicyRowSuffix(uint64_t version) {
  std::string suffix;
  PutBig64(&suffix, version);
  return suffix;
}

std::string EncodePolicyRow(const PolicyRow& row) {
  std::string bytes;
  PutByte(&bytes, kPolicyRowVersion);
  PutVarint(&bytes, row.version);
  PutByte(&bytes, static_cast<uint8_t>(row.state));
  PutVarint(&bytes, row.before);
  PutTime(&bytes, row.since_us);
  for (const consensus::Criterion criterion : row.policy.order) {
    PutByte(&bytes, static_cast<uint8_t>(criterion));
  }
  PutVarint(&bytes, kPolicyLimits);
  for (size_t i = 0; i < kPolicyLimits; ++i) {
    PutString(&bytes, kInfos[i].name);
    PutVarint(&bytes, row.policy.limits[i]);
  }
  PutString(&bytes, row.actor);
  PutString(&bytes, row.reason);
  return bytes;
}

absl::StatusOr<PolicyRow> DecodePolicyRow(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t row_version = from.ReadByte();
  if (!from.ok()) return Unreadable(kWhat);
  if (absl::Status s = CheckVersion(kWhat, row_version, kPolicyRowVersion); !s.ok()) return s;
  PolicyRow row;
  bool unknown = false;
  row.version = from.ReadVarint();
  const uint8_t state = from.ReadByte();
  if (state < 1 || state > kStates.size()) from.Fail();
  row.state = static_cast<PolicyState>(state);
  row.before = from.ReadVarint();
  row.since_us = ReadTime(&from);
  for (consensus::Criterion& criterion : row.policy.order) {
    criterion = static_cast<consensus::Criterion>(from.ReadByte());
  }
  if (!consensus::IsRankOrder(row.policy.order)) from.Fail();
  ReadLimits(&from, &row.policy, &unknown);
  row.actor = std::string(from.ReadString());
  row.reason = std::string(from.ReadString());
  if (!from.Done()) return Unreadable(kWhat);
  if (unknown) {
    return absl::FailedPreconditionError(
        absl::StrCat("policy ", row.version, " has a limit that this build does not know: start ",
                     "the build that wrote it, or a newer one"));
  }
  return row;
}

const PolicyRow& Policies::Active() const {
  const PolicyRow* const active = Only(PolicyState::kActive);
  BATON_CHECK(active != nullptr) << "no policy is in force";
  return *active;
}

const PolicyRow* Policies::Find(uint64_t version) const {
  const auto found = rows_.find(version);
  return found == rows_.end() ? nullptr : &found->second;
}

void Policies::Put(PolicyRow row) {
  const uint64_t version = row.version;
  rows_.insert_or_assign(version, std::move(row));
}

const PolicyRow* Policies::Only(PolicyState state) const {
  const auto found = std::find_if(rows_.begin(), rows_.end(),
                                  [state](const auto& each) { return each.second.state == state; });
  return found == rows_.end() ? nullptr : &found->second;
}

}  // namespace baton::server
