#include "tests/sim/check_read_levels.h"

#include <algorithm>

namespace baton::sim {

using server::ReadLevel;
using Kind = server::ReadLevel::Kind;

void ReadLevelCheck::Answered(int64_t now_us, const Position& position) {
  if (newest_.empty() || newest_.back().second.slot < position.slot) {
    newest_.emplace_back(now_us, position);
  }
}

ReadLevel ReadLevelCheck::Draw(Random* random) const {
  const uint64_t which = random->Below(8);
  if (which == 0 && !newest_.empty()) {
    const uint64_t back = random->Below(std::min<uint64_t>(newest_.size(), 20));
    return {Kind::kAtLeast, 0, newest_[newest_.size() - 1 - back].second};
  }
  if (which == 1 && !newest_.empty()) {
    return {Kind::kBoundedStaleness, random->Skewed(10'000, 3'000'000), {}};
  }
  return {which < 4 ? Kind::kLinearizable : Kind::kUnnamed, 0, {}};
}

std::string ReadLevelCheck::Judge(const ReadLevel& level, int64_t invoked_us,
                                  const server::Answer& answer) const {
  if (answer.failure.reason == server::Reason::kPositionLost) {
    return "slot " + ToString(level.at_least.slot) + " was answered from, and is lost";
  }
  if (!answer.failure.ok()) return "";
  if (level.kind == Kind::kAtLeast && answer.position.slot < level.at_least.slot) {
    return "a read at least at slot " + ToString(level.at_least.slot) + " saw slot " +
           ToString(answer.position.slot);
  }
  if (level.kind != Kind::kBoundedStaleness) return "";
  const auto then_us =
      invoked_us - static_cast<int64_t>(static_cast<double>(level.max_staleness_us) * kDrift);
  const auto after = std::upper_bound(
      newest_.begin(), newest_.end(), then_us,
      [](int64_t time_us, const auto& answered) { return time_us < answered.first; });
  if (after == newest_.begin()) return "";
  const Slot known = std::prev(after)->second.slot;
  if (known <= answer.position.slot) return "";
  return "a read of bounded staleness saw slot " + ToString(answer.position.slot) + ", and slot " +
         ToString(known) + " was chosen longer ago than it allows";
}

}  // namespace baton::sim
