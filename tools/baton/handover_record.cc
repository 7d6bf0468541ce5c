#include "tools/baton/handover_record.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/baton/names.h"
#include "tools/baton/pages.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

constexpr std::chrono::milliseconds kWaitTimeout{60'000};

std::string ReignName(uint64_t round, uint32_t node) { return absl::StrCat(round, ".", node); }

Json RecordJson(const HandoverInfo& handover, const Names& names) {
  Json object;
  object["id"] = handover.id;
  object["state"] = HandoverStateName(handover.state());
  object["from"] = NameOf(names, handover.from);
  object["to"] = NameOf(names, handover.to);
  object["from_node"] = handover.from;
  object["to_node"] = handover.to;
  object["asked_to_node"] = handover.asked_to;
  object["reign"] = ReignName(handover.round, handover.from);
  if (handover.successor_round != 0) {
    object["successor"] = ReignName(handover.successor_round, handover.successor_node);
  }
  object["actor"] = handover.actor;
  object["reason"] = handover.reason;
  object["outcome"] = handover.outcome;
  object["write_pause_us"] = handover.write_pause_us;
  if (handover.election()) {
    object["last_write_us"] = handover.last_write_us;
    object["first_write_us"] = handover.first_write_us;
  } else {
    object["ended_by"] = handover.ended_by;
  }
  object["deadline_ms"] = handover.deadline_ms;
  object["probation_ms"] = handover.probation_ms;
  object["steps"] = Json::array();
  for (const HandoverStepInfo& step : handover.steps) {
    object["steps"].push_back({{"state", HandoverStateName(step.state)},
                               {"slot", step.slot},
                               {"log_time_us", step.log_time_us},
                               {"wall_time_us", step.wall_time_us}});
  }
  object["checks"] = JsonOf(handover.checks);
  object["policy"] = handover.policy;
  if (!handover.risk.empty()) {
    object["risk"] = handover.risk;
    object["approved_by"] = handover.approved_by;
    object["approval_reason"] = handover.approval_reason;
    object["approved_until_us"] = handover.approved_until_us;
  }
  if (handover.shadow_policy != 0) {
    object["shadow_policy"] = handover.shadow_policy;
    object["otherwise"] = handover.otherwise;
  }
  return object;
}

std::string Headline(const HandoverInfo& handover, const Names& names) {
  std::string text = absl::StrCat(handover.election() ? "" : "handover ", handover.id, ": ",
                                  HandoverStateName(handover.state()), "\n");
  absl::StrAppend(&text, "from ", NameOf(names, handover.from), ", reign ",
                  ReignName(handover.round, handover.from), ", to ", NameOf(names, handover.to));
  if (handover.asked_to == 0 && !handover.election()) absl::StrAppend(&text, " as the best-ranked");
  if (handover.successor_round != 0) {
    absl::StrAppend(&text, "; reign ", ReignName(handover.successor_round, handover.successor_node),
                    " followed");
  }
  absl::StrAppend(&text, "\n");
  if (!handover.actor.empty() || !handover.reason.empty()) {
    absl::StrAppend(&text, "asked for by ", handover.actor.empty() ? "-" : handover.actor,
                    handover.reason.empty() ? "" : ": ", handover.reason, "\n");
  }
  if (!handover.risk.empty()) absl::StrAppend(&text, "asks for an approval: ", handover.risk, "\n");
  if (!handover.approved_by.empty()) {
    absl::StrAppend(&text, "approved by ", handover.approved_by, " until ",
                    UtcText(handover.approved_until_us),
                    handover.approval_reason.empty() ? "" : ": ", handover.approval_reason, "\n");
  }
  if (!handover.otherwise.empty()) {
    absl::StrAppend(&text, "by policy ", handover.shadow_policy, ": ", handover.otherwise, "\n");
  }
  if (!handover.outcome.empty()) absl::StrAppend(&text, handover.outcome, "\n");
  if (handover.write_pause_us != 0) {
    absl::StrAppend(&text, "no write was acknowledged for ", Millis(handover.write_pause_us), "\n");
  }
  return text;
}

// What a move may lose that is to be approved: nothing by itself, for all that was acknowledged
// before its Seal is chosen with it. Of what is acknowledged and not chosen now, keyspace by
// keyspace, an election would find nothing if the old leader were lost meanwhile.
absl::StatusOr<std::vector<KeyspaceInfo>> Unreplicated(const Context& context) {
  std::vector<KeyspaceInfo> found;
  const auto options = context.Options(kCallTimeout);
  if (!options.ok()) return options.status();
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  const auto keyspaces = (**admin).ListKeyspaces("", *options);
  if (!keyspaces.ok()) return keyspaces.status();
  for (const KeyspaceInfo& keyspace : *keyspaces) {
    if (keyspace.unreplicated && keyspace.unreplicated->ops > 0) found.push_back(keyspace);
  }
  return found;
}

Json LossJson(const std::vector<KeyspaceInfo>& at_risk) {
  Json list = Json::array();
  for (const KeyspaceInfo& keyspace : at_risk) {
    list.push_back({{"keyspace", keyspace.name},
                    {"operations", keyspace.unreplicated->ops},
                    {"bytes", keyspace.unreplicated->bytes}});
  }
  return {{"operations", 0}, {"if_the_leader_is_lost_meanwhile", std::move(list)}};
}

std::string LossText(const std::vector<KeyspaceInfo>& at_risk, const std::string& leader) {
  std::string text = "predicted loss: none";
  if (!at_risk.empty()) absl::StrAppend(&text, "; were ", leader, " lost before its Seal, now");
  for (const KeyspaceInfo& keyspace : at_risk) {
    absl::StrAppend(&text, &keyspace == at_risk.data() ? " " : ", ", keyspace.unreplicated->ops,
                    " operations (", keyspace.unreplicated->bytes, " bytes) of ", keyspace.name);
  }
  return text + "\n";
}

}  // namespace

std::string Millis(int64_t us) { return absl::StrFormat("%.1f ms", static_cast<double>(us) / 1e3); }

Json JsonOf(const std::vector<HandoverCheckInfo>& checks) {
  Json list = Json::array();
  for (const HandoverCheckInfo& check : checks) {
    list.push_back({{"name", check.name},
                    {"limit", check.limit},
                    {"measured", check.measured},
                    {"passed", check.passed}});
  }
  return list;
}

absl::Status Print(const Context& context, const std::vector<HandoverCheckInfo>& checks) {
  Table table({{"CHECK"}, {"VERDICT"}, {"MEASURED"}, {"LIMIT"}});
  for (const HandoverCheckInfo& check : checks) {
    table.Add({check.name,
               {check.passed ? "passed" : "failed",
                check.passed ? Table::Colour::kGreen : Table::Colour::kRed},
               check.measured,
               check.limit});
  }
  return context.Print(table);
}

absl::Status Print(const Context& context, const HandoverInfo& handover) {
  const Names names = ReadNames(context);
  const bool awaiting = handover.state() == HandoverState::kAwaiting;
  const auto at_risk = awaiting ? Unreplicated(context) : std::vector<KeyspaceInfo>();
  if (!at_risk.ok()) return at_risk.status();
  if (context.json()) {
    Json object = RecordJson(handover, names);
    if (awaiting) object["predicted_loss"] = LossJson(*at_risk);
    return context.Print(object);
  }
  absl::Status printed = context.Print(Headline(handover, names));
  if (printed.ok() && awaiting) {
    printed = context.Print(LossText(*at_risk, NameOf(names, handover.from)));
  }
  Table steps({{"STATE"}, {"SLOT", Table::Align::kRight}, {"AT"}, {"AFTER", Table::Align::kRight}});
  const int64_t begun_us = handover.steps.empty() ? 0 : handover.steps.front().wall_time_us;
  const auto add = [&](const char* what, const std::string& slot, int64_t at_us) {
    steps.Add({what, slot, UtcText(at_us), Millis(at_us - begun_us)});
  };
  if (handover.last_write_us != 0) add("last write", "", handover.last_write_us);
  for (const HandoverStepInfo& step : handover.steps) {
    add(HandoverStateName(step.state), std::to_string(step.slot), step.wall_time_us);
  }
  if (handover.first_write_us != 0) add("first write", "", handover.first_write_us);
  if (printed.ok()) printed = context.Print(steps);
  if (!printed.ok() || handover.checks.empty()) return printed;
  if (handover.election()) {
    Table standings({{"VOTER"}, {"RANK"}, {"AS ITS LEADER HAD TOLD LAST; ITS VERDICT"}});
    for (const HandoverCheckInfo& check : handover.checks) {
      standings.Add({check.name, check.limit, check.measured});
    }
    return context.Print(standings);
  }
  return Print(context, handover.checks);
}

absl::Status ListHandovers(const Context& context, bool elections) {
  Table table({{"ID"},
               {"STATE"},
               {"FROM"},
               {"TO"},
               {"AT"},
               {"PAUSE", Table::Align::kRight},
               {"BY"},
               {"OUTCOME"}});
  Json items = Json::array();
  const Names names = ReadNames(context);
  const absl::Status listed = ForEachRow(
      context, &Admin::ListHandovers, &HandoverPage::handovers, [&](const HandoverInfo& handover) {
        if (handover.election() != elections) return absl::OkStatus();
        items.push_back(RecordJson(handover, names));
        const int64_t pause_us = handover.write_pause_us;
        table.Add({handover.id, HandoverStateName(handover.state()), NameOf(names, handover.from),
                   NameOf(names, handover.to), UtcText(handover.steps.front().wall_time_us),
                   pause_us == 0 ? "-" : Millis(pause_us), handover.actor, handover.outcome});
        return absl::OkStatus();
      });
  if (!listed.ok()) return listed;
  if (context.json()) {
    return context.Print(Json{{elections ? "elections" : "handovers", std::move(items)}});
  }
  if (items.empty()) {
    return context.Print(
        std::string(elections ? "there was no election yet\n" : "there was no handover yet\n"));
  }
  return context.Print(table);
}

absl::Status ShowHandover(const Context& context, const std::string& id, bool wait) {
  const auto options = context.Options(wait ? kWaitTimeout : kCallTimeout);
  if (!options.ok()) return options.status();
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  const auto handover = (**admin).ShowHandover(id, wait, *options);
  return handover.ok() ? Print(context, *handover) : handover.status();
}

}  // namespace baton::cli
