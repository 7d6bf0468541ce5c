#include "tests/consensus/text.h"

#include <variant>

namespace baton::consensus {
namespace {

std::string EntriesText(const std::vector<Entry>& entries) {
  std::string text = "[";
  for (const Entry& entry : entries) text += (text.size() > 1 ? ", " : "") + ToText(entry);
  return text + "]";
}

struct BodyText {
  std::string operator()(const Canvass& m) const {
    return "Canvass " + ToString(m.ballot) + " last=" + ToString(m.last);
  }
  std::string operator()(const CanvassReply& m) const {
    return "CanvassReply " + ToString(m.ballot) +
           (m.granted ? " granted" : " refused: " + ToText(m.refusal)) +
           " promised=" + ToString(m.promised);
  }
  std::string operator()(const Prepare& m) const {
    return "Prepare " + ToString(m.ballot) +
           (m.succeeds == Ballot{} ? "" : " succeeds=" + ToString(m.succeeds));
  }
  std::string operator()(const Promise& m) const {
    return "Promise " + ToString(m.ballot) + " last=" + ToString(m.last);
  }
  std::string operator()(const Nack& m) const {
    return "Nack " + ToString(m.ballot) + ": " + ToText(m.refusal) +
           " promised=" + ToString(m.promised);
  }
  std::string operator()(const Fetch& m) const {
    return "Fetch " + ToString(m.ballot) + " after=" + ToString(m.prev);
  }
  std::string operator()(const Fetched& m) const {
    return "Fetched " + ToString(m.ballot) + (m.matched ? " after=" : " mismatch, try=") +
           ToString(m.prev) + (m.matched ? " " + EntriesText(m.entries) : "");
  }
  std::string operator()(const Accept& m) const {
    return "Accept " + ToString(m.ballot) + " prev=" + ToString(m.prev) +
           (m.entries.empty() ? "" : " " + EntriesText(m.entries)) +
           " commit=" + ToString(m.commit) +
           (m.read_round == 0 ? "" : " round=" + std::to_string(m.read_round)) +
           (m.health.number == 0 ? "" : " health=" + std::to_string(m.health.number));
  }
  std::string operator()(const Accepted& m) const {
    return "Accepted " + ToString(m.ballot) +
           (m.matched ? " match=" + ToString(m.match) : " mismatch, try=" + ToString(m.hint)) +
           (m.lease_granted ? " lease" : " no lease") +
           (m.read_round == 0 ? "" : " round=" + std::to_string(m.read_round));
  }
  std::string operator()(const Abdicate& m) const { return "Abdicate " + ToString(m.ballot); }
  std::string operator()(const TakeOver& m) const {
    return "TakeOver " + ToString(m.ballot) + " seal=" + ToString(m.seal);
  }
  std::string operator()(const SnapshotOffer&) const { return "SnapshotOffer"; }
  std::string operator()(const SnapshotPull&) const { return "SnapshotPull"; }
  std::string operator()(const SnapshotChunk&) const { return "SnapshotChunk"; }
  std::string operator()(const LossReport&) const { return "LossReport"; }
  std::string operator()(const HandoverTalk&) const { return "HandoverTalk"; }
  std::string operator()(const AskSlot&) const { return "AskSlot"; }
  std::string operator()(const TellSlot& m) const {
    return m.granted ? "TellSlot " + ToString(m.slot) : "TellSlot refused";
  }
};

struct ActionText {
  std::string operator()(const Persist& a) const {
    std::string text = "Persist #" + std::to_string(a.persist_id);
    if (a.hard_state) {
      text += " promised=" + ToString(a.hard_state->promised) +
              " longest_lease=" + std::to_string(a.hard_state->longest_lease_us / 1000) + "ms";
      if (a.hard_state->configurations.all().size() > 1) {
        text += " epochs=";
        for (const Configuration& each : a.hard_state->configurations.all()) {
          text += (text.back() == '=' ? "" : ",") + std::to_string(each.membership.epoch.value);
        }
      }
    }
    if (!a.entries.empty()) text += " " + EntriesText(a.entries);
    for (const Message& message : a.then_send) text += "\n    then send " + ToText(message);
    return text;
  }
  std::string operator()(const Send& a) const { return "Send " + ToText(a.message); }
  std::string operator()(const Commit& a) const { return "Commit " + ToString(a.slot); }
  std::string operator()(const ReadLog& a) const {
    return "ReadLog #" + std::to_string(a.read_id) + " " + ToString(a.first) + ".." +
           ToString(a.last);
  }
  std::string operator()(const ProveWrite&) const { return "ProveWrite"; }
  std::string operator()(const ProposeMembers& a) const {
    return "ProposeMembers " + ToString(a.id) + " " + ToText(a.membership);
  }
  std::string operator()(const MembersRefused& a) const { return "MembersRefused: " + a.reason; }
  std::string operator()(const MembersSettled& a) const {
    return "MembersSettled epoch " + std::to_string(a.epoch.value);
  }
  std::string operator()(const SendSnapshot& a) const {
    return "SendSnapshot to " + std::to_string(a.to.value) + " in " + ToString(a.ballot);
  }
  std::string operator()(const InstallSnapshot& a) const {
    return "InstallSnapshot " + ToString(a.last);
  }
  std::string operator()(const DropSnapshot&) const { return "DropSnapshot"; }
  std::string operator()(const OpenReign& a) const {
    return "OpenReign " + ToString(a.id) + " predecessor=" + ToString(a.reign.predecessor) +
           " durable=" + ToString(a.reign.predecessor_durable) +
           (a.reign.cause == Cause::kHandover  ? " handover=" + std::to_string(a.reign.handover)
            : a.reign.cause == Cause::kAborted ? " aborted=" + std::to_string(a.reign.handover)
                                               : "") +
           (a.takes_over ? " takes-over" : "");
  }
  std::string operator()(const ReignOpened& a) const { return "ReignOpened " + ToString(a.ballot); }
  std::string operator()(const StoppedLeading& a) const {
    return "StoppedLeading " + ToString(a.ballot) + ": " + a.reason;
  }
  std::string operator()(const SuffixReplaced& a) const {
    return "SuffixReplaced from " + ToString(a.first);
  }
  std::string operator()(const ReadReady& a) const {
    return "ReadReady " + std::to_string(a.read_id) + " at " + ToString(a.slot);
  }
  std::string operator()(const ReadRefused& a) const {
    return "ReadRefused " + std::to_string(a.read_id);
  }
};

}  // namespace

std::string ToText(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kPromisedHigher:
      return "promised";
    case Refusal::kLeased:
      return "leased";
    case Refusal::kRestartWait:
      return "restart wait";
    case Refusal::kLeading:
      return "leading";
    case Refusal::kNotAMember:
      return "not a member";
    case Refusal::kUnable:
      return "unable";
  }
  return "unknown";
}

std::string ToText(const std::vector<Member>& members) {
  std::string text = "{";
  for (const Member& member : members) {
    static const char* const kRoles[] = {"?", "", "L", "W"};
    text += (text.back() == '{' ? "" : " ") + std::to_string(member.node.value) +
            kRoles[static_cast<int>(member.role)];
  }
  return text + "}";
}

std::string ToText(const Membership& membership) {
  const std::string text =
      "epoch " + std::to_string(membership.epoch.value) + " " + ToText(membership.members);
  return membership.joint() ? text + " and " + ToText(membership.outgoing) : text;
}

std::string ToText(const Entry& entry) {
  if (std::holds_alternative<Reign>(entry.core)) return ToString(entry.id) + " Reign";
  if (const auto* seal = std::get_if<Seal>(&entry.core)) {
    return ToString(entry.id) + " Seal to " + std::to_string(seal->to.value);
  }
  if (const auto* membership = std::get_if<Membership>(&entry.core)) {
    return ToString(entry.id) + " " + ToText(*membership);
  }
  return ToString(entry.id) + " '" + *entry.bytes + "'";
}

std::string ToText(const Message& message) {
  return std::to_string(message.from.value) + "->" + std::to_string(message.to.value) + " " +
         std::visit(BodyText(), message.body);
}

std::string ToText(const Action& action) { return std::visit(ActionText(), action); }

}  // namespace baton::consensus
