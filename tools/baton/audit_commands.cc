// audit, audit verify: who or what asked for each change.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/baton/audit_verifier.h"
#include "tools/baton/context.h"
#include "tools/baton/names.h"
#include "tools/baton/pages.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

struct Arguments {
  std::string head;  // NUMBER:HASH, as verify has printed it before
};

const char* KindName(AuditInfo::Kind kind) {
  switch (kind) {
    case AuditInfo::Kind::kReign:
      return "reign";
    case AuditInfo::Kind::kHandover:
      return "handover";
    case AuditInfo::Kind::kMembers:
      return "members";
    case AuditInfo::Kind::kKeyspace:
      return "keyspace";
    case AuditInfo::Kind::kOrder:
      return "order";
    case AuditInfo::Kind::kPolicy:
      return "policy";
  }
  return "unknown";
}

std::string ReignText(uint64_t round, uint32_t node) {
  return round == 0 ? "-" : absl::StrCat(round, ".", node);
}

Json JsonOf(const AuditInfo& record, const Names& names) {
  Json object;
  object["number"] = record.number;
  object["kind"] = KindName(record.kind);
  object["what"] = record.what;
  object["object"] = record.object;
  object["node"] = record.node == 0 ? Json(nullptr) : Json(NameOf(names, record.node));
  object["actor"] = record.actor;
  object["reason"] = record.reason;
  object["reign"] = ReignText(record.reign_round, record.reign_node);
  if (record.kind == AuditInfo::Kind::kReign) {
    object["from_reign"] = ReignText(record.from_round, record.from_node);
    object["from_slot"] = record.from_slot;
  }
  object["slot"] = record.slot;
  object["wall_time_us"] = record.wall_time_us;
  object["previous"] = record.previous;
  object["hash"] = record.hash;
  return object;
}

absl::Status List(const Context& context) {
  const Names names = ReadNames(context);
  Json items = Json::array();
  Table table({{"NUMBER", Table::Align::kRight},
               {"AT"},
               {"KIND"},
               {"WHAT"},
               {"OBJECT"},
               {"NODE"},
               {"BY"},
               {"REASON"},
               {"REIGN"},
               {"SLOT", Table::Align::kRight}});
  const absl::Status listed =
      ForEachRow(context, &Admin::ListAudit, &AuditPage::records, [&](const AuditInfo& record) {
        items.push_back(JsonOf(record, names));
        table.Add({std::to_string(record.number), UtcText(record.wall_time_us),
                   KindName(record.kind), record.what, record.object, NameOf(names, record.node),
                   record.actor, record.reason, ReignText(record.reign_round, record.reign_node),
                   std::to_string(record.slot)});
        return absl::OkStatus();
      });
  if (!listed.ok()) return listed;
  if (context.json()) return context.Print(Json{{"records", std::move(items)}});
  return context.Print(table);
}

absl::Status Verify(const Context& context, const Arguments& arguments) {
  if (!arguments.head.empty() && !AuditVerifier::IsHead(arguments.head)) {
    return absl::InvalidArgumentError(arguments.head +
                                      " is no head: give the whole NUMBER:HASH that was printed");
  }
  AuditVerifier verifier(arguments.head);
  absl::Status checked = ForEachRow(context, &Admin::ListAudit, &AuditPage::records,
                                    [&](const AuditInfo& record) { return verifier.Take(record); });
  if (checked.ok()) checked = verifier.End();
  if (!checked.ok()) return checked;
  if (context.json()) {
    return context.Print(Json{{"records", verifier.lines()}, {"head", verifier.head()}});
  }
  return context.Print(absl::StrCat(
      "all ", verifier.lines(), " lines follow each other; the head is ", verifier.head(), "\n"));
}

}  // namespace

void AddAuditCommands(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* audit = app->add_subcommand(
      "audit",
      "who or what asked for each change of leadership, members, keyspaces, orders and policy");
  audit->require_subcommand(0, 1);
  audit->callback([=] {
    if (!audit->get_subcommands().empty()) return;
    context->command = [=] { return List(*context); };
  });
  CLI::App* verify = audit->add_subcommand(
      "verify",
      "that no line was changed, left out or put in; prints the head, to be kept elsewhere");
  verify->add_option("--head", arguments->head, "NUMBER:HASH that was printed before");
  verify->callback([=] { context->command = [=] { return Verify(*context, *arguments); }; });
}

}  // namespace baton::cli
