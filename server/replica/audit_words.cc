#include "server/replica/audit_words.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "consensus/quorum.h"

namespace baton::server {
namespace {

const char* WordOf(consensus::Role role) {
  switch (role) {
    case consensus::Role::kVoter:
      return "voter";
    case consensus::Role::kLearner:
      return "learner";
    case consensus::Role::kWitness:
      return "witness";
  }
  return "";
}

void AddTo(std::string* words, const char* between, const std::string& more) {
  absl::StrAppend(words, words->empty() ? "" : between, more);
}

const char* WordOf(engine::OnBudget on_budget) {
  return on_budget == engine::OnBudget::kFail ? "fail" : "wait";
}

}  // namespace

const char* ModeWord(engine::KeyspaceMode mode) {
  return mode == engine::KeyspaceMode::kAsync ? "async" : "sync";
}

std::string WordsOf(const consensus::Membership& before, const consensus::Membership& after) {
  std::string words;
  for (const consensus::Member& member : after.members) {
    const consensus::Member* const was = consensus::FindMember(before, member.node);
    const std::string node = absl::StrCat("node ", member.node.value);
    if (was == nullptr) {
      AddTo(&words, "; ", absl::StrCat(node, " joins as ", WordOf(member.role)));
    } else if (was->role != member.role) {
      AddTo(&words, "; ",
            absl::StrCat(node, " becomes ", WordOf(member.role), ", was ", WordOf(was->role)));
    }
  }
  for (const consensus::Member& member : before.members) {
    if (consensus::FindMember(after, member.node) != nullptr) continue;
    AddTo(&words, "; ", absl::StrCat("node ", member.node.value, " leaves"));
  }
  if (words.empty() && before.joint() && !after.joint()) return "the change before is done";
  return words;
}

std::string WordsOf(const engine::KeyspaceSettings& before, const engine::KeyspaceSettings& after) {
  std::string words;
  const auto add = [&words](const char* name, const auto& from, const auto& to) {
    if (from != to) AddTo(&words, ", ", absl::StrCat(name, " ", from, " to ", to));
  };
  if (before.mode != after.mode)
    add("mode", std::string(ModeWord(before.mode)), ModeWord(after.mode));
  if (before.on_budget != after.on_budget) {
    add("on_budget", std::string(WordOf(before.on_budget)), WordOf(after.on_budget));
  }
  add("max_unreplicated_bytes", before.max_unreplicated_bytes, after.max_unreplicated_bytes);
  add("max_unreplicated_ops", before.max_unreplicated_ops, after.max_unreplicated_ops);
  add("max_unreplicated_ms", before.max_unreplicated_ms, after.max_unreplicated_ms);
  add("size_bytes_max", before.size_bytes_max, after.size_bytes_max);
  add("value_bytes_max", before.value_bytes_max, after.value_bytes_max);
  add("default_staleness_ms", before.default_staleness_ms, after.default_staleness_ms);
  if (before.description != after.description) AddTo(&words, ", ", "its description");
  return words;
}

std::string UtcWords(int64_t wall_time_us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(wall_time_us),
                          absl::UTCTimeZone());
}

}  // namespace baton::server
