#include "server/replica/election_records.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "consensus/rank.h"

namespace baton::server {
namespace {

// What an election goes by; what says nothing against a node is left out.
std::string Words(const consensus::NodeHealth& health) {
  static constexpr const char* kLags[] = {"close behind", "behind", "far behind", "silent"};
  static constexpr const char* kDisks[] = {"", ", disk slow", ", disk stuck"};
  std::string words = kLags[static_cast<size_t>(health.lag)];
  absl::StrAppend(&words, kDisks[static_cast<size_t>(health.disk)]);
  if (health.barred) absl::StrAppend(&words, ", barred");
  if (health.recovering) absl::StrAppend(&words, ", recovering");
  if (health.region != 0) absl::StrAppend(&words, ", region ", health.region);
  if (health.priority != 0) absl::StrAppend(&words, ", priority ", health.priority);
  return words;
}

// What the voter said to this node when it stood, and whether it went along.
std::pair<std::string, bool> VerdictOf(const ElectionSources& from, NodeId node) {
  if (node == from.core->self()) return {"stood", true};
  const auto found = from.seen->verdicts.find(node);
  if (found == from.seen->verdicts.end() || found->second.empty()) return {"was not heard", false};
  return {found->second, found->second == "promised"};
}

// How those that may lead stood, and what they said, in the order of their turns: the leader that
// was gone comes last.
std::vector<HandoverCheck> Standings(const ElectionSources& from, NodeId lapsed) {
  const consensus::Configurations& members = from.core->configurations();
  const consensus::HealthTable& table = from.seen->health;
  std::map<uint32_t, NodeId> turns;
  for (const NodeId node : members.Voters()) {
    if (members.MayLead(node)) turns[Rank(members, table, node, lapsed)] = node;
  }
  std::vector<HandoverCheck> standings;
  for (const auto& [turn, node] : turns) {
    const auto told = table.nodes.find(node);
    std::string words = told == table.nodes.end() ? "nothing was told" : Words(told->second);
    const auto [verdict, followed] = VerdictOf(from, node);
    absl::StrAppend(&words, "; ", verdict, from.seen->rivals.contains(node) ? "; stood too" : "");
    standings.push_back(
        {from.members->NameOf(node), absl::StrCat("stands as number ", turn + 1), words, followed});
  }
  return standings;
}

PolicyOpinion OpinionOn(const ElectionSources& from, NodeId lapsed) {
  PolicyOpinion opinion;
  opinion.policy = from.page->policies.Active().version;
  const PolicyRow* const shadow = from.page->policies.Shadow();
  if (shadow == nullptr) return opinion;
  opinion.shadow = shadow->version;
  consensus::HealthTable table = from.seen->health;
  const NodeId first = FirstInRank(from.core->configurations(), table, lapsed);
  table.order = shadow->policy.order;
  const NodeId other = FirstInRank(from.core->configurations(), table, lapsed);
  if (other != first) {
    opinion.otherwise = absl::StrCat(from.members->NameOf(other), " would have stood first, not ",
                                     from.members->NameOf(first));
  }
  return opinion;
}

HandoverRow Begun(const ReignRow& reign) {
  HandoverRow row;
  row.order.id = absl::StrCat(std::string(kElectionIdPrefix), ToString(reign.reign.ballot));
  row.ballot = reign.reign.predecessor;
  row.to = reign.reign.ballot.node;
  row.successor = reign.reign.ballot;
  return row;
}

// Times before the reign are given by the wall clock of now, less what has gone by since.
HandoverRow RecordOwn(const ElectionSources& from, const ReignRow& reign) {
  const ElectionSeen& seen = *from.seen;
  const int64_t wall_us = from.clock->WallNowUs() - from.clock->LeaseNowUs();
  const NodeId lapsed = reign.reign.predecessor.node;
  HandoverRow row = Begun(reign);
  row.checks = Standings(from, lapsed);
  row.opinion = OpinionOn(from, lapsed);
  for (const auto& [state, at_us] : {std::pair(HandoverState::kDetected, seen.lost_us),
                                     std::pair(HandoverState::kCanvass, seen.stood_us),
                                     std::pair(HandoverState::kPromised, seen.won_us)}) {
    row.steps.push_back({state, reign.slot.Prev(), 0, wall_us + at_us});
  }
  row.steps.push_back({HandoverState::kReign, reign.slot, reign.log_time_us, reign.wall_time_us});
  row.steps.push_back({HandoverState::kProbation});
  if (seen.committed_us != 0) row.last_write_us = wall_us + seen.committed_us;
  return row;
}

// What its leader saw of it is lost with that leader: it stood so long before its reign began.
HandoverRow RecordLost(const ElectionSources& from, const ReignRow& reign) {
  HandoverRow row = Begun(reign);
  for (const HandoverState state :
       {HandoverState::kDetected, HandoverState::kCanvass, HandoverState::kPromised}) {
    row.steps.push_back({state, reign.slot.Prev(), 0, reign.wall_time_us - reign.candidacy_us});
  }
  row.steps.push_back({HandoverState::kReign, reign.slot, reign.log_time_us, reign.wall_time_us});
  row.steps.push_back({HandoverState::kDone});
  row.outcome = absl::StrCat(from.members->NameOf(row.to),
                             " was elected, and lost before it had recorded how");
  return row;
}

}  // namespace

std::vector<HandoverRow> ElectionRecords(const ElectionSources& from, const ReignRow& reign,
                                         const std::optional<HandoverRow>& newest) {
  const Ballot recorded = newest ? std::max(newest->ballot, newest->successor) : Ballot{};
  std::vector<HandoverRow> rows;
  for (const ReignRow& before : from.page->reigns) {
    const bool lost = recorded < before.reign.ballot && before.reign.ballot < reign.reign.ballot;
    if (lost && ByElection(before.reign)) rows.push_back(RecordLost(from, before));
  }
  if (ByElection(reign.reign)) rows.push_back(RecordOwn(from, reign));
  return rows;
}

}  // namespace baton::server
