#include "server/replica/election_seen.h"

#include <variant>

namespace baton::server {
namespace {

const char* WordsOf(consensus::Refusal refusal) {
  switch (refusal) {
    case consensus::Refusal::kNone:
      return "nothing";
    case consensus::Refusal::kPromisedHigher:
      return "it has promised another, or gives it time";
    case consensus::Refusal::kLeased:
      return "its lease to the leader before runs";
    case consensus::Refusal::kRestartWait:
      return "it has restarted, and waits out its leases";
    case consensus::Refusal::kLeading:
      return "it leads itself";
    case consensus::Refusal::kNotAMember:
      return "its log says that the candidate is no member";
    case consensus::Refusal::kUnable:
      return "it may not stand";
  }
  return "for a reason that is not known here";
}

}  // namespace

void ElectionSeen::Stand(const consensus::Replica& core, int64_t now_us) {
  stood_us = now_us;
  health = core.health();
  verdicts.clear();
}

void ElectionSeen::Hear(const consensus::Message& message, const consensus::Replica& core) {
  if (std::holds_alternative<consensus::Accept>(message.body)) return rivals.clear();
  const bool stands = std::holds_alternative<consensus::Canvass>(message.body) ||
                      std::holds_alternative<consensus::Prepare>(message.body);
  const bool asks = core.standing() == consensus::Standing::kCandidate;
  if (!stands && !asks) return;  // so it is in a reign: nothing to look up
  if (!core.configurations().Voters().contains(message.from)) return;
  if (stands) rivals.insert(message.from);
  if (!asks) return;
  std::string& verdict = verdicts[message.from];
  if (const auto* reply = std::get_if<consensus::CanvassReply>(&message.body)) {
    if (reply->ballot.node != core.self()) return;
    verdict = reply->granted ? "would follow"
                             : std::string("would not follow: ") + WordsOf(reply->refusal);
  } else if (const auto* promise = std::get_if<consensus::Promise>(&message.body)) {
    if (promise->ballot == core.promised()) verdict = "promised";
  } else if (const auto* nack = std::get_if<consensus::Nack>(&message.body)) {
    if (nack->ballot == core.promised()) {
      verdict = std::string("refused: ") + WordsOf(nack->refusal);
    }
  }
}

}  // namespace baton::server
