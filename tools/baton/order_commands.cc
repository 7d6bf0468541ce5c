// bar, unbar, prefer, freeze, unfreeze, orders: what stands, beside health, about who may lead.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/baton/context.h"
#include "tools/baton/flags.h"
#include "tools/baton/names.h"
#include "tools/baton/pages.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

struct Arguments {
  std::string node;
  std::string stands_for;
  std::string reason;
  std::optional<uint32_t> region;
  std::optional<uint32_t> priority;
  bool lift = false;
};

const char* KindName(OrderKind kind) {
  switch (kind) {
    case OrderKind::kBar:
      return "bar";
    case OrderKind::kHoldDown:
      return "hold-down";
    case OrderKind::kPreference:
      return "preference";
    case OrderKind::kFreeze:
      return "freeze";
  }
  return "unknown";
}

std::string UntilText(const OrderInfo& order) {
  return order.until_wall_us == 0 ? "it is lifted" : UtcText(order.until_wall_us);
}

// What it says, beyond its kind.
std::string DetailOf(const OrderInfo& order) {
  std::string detail;
  if (order.region) absl::StrAppend(&detail, "region ", *order.region);
  if (order.priority) {
    absl::StrAppend(&detail, detail.empty() ? "" : ", ", "priority ", *order.priority);
  }
  if (order.flaps > 0) absl::StrAppend(&detail, "lost ", order.flaps, " times in a row");
  return detail;
}

Json JsonOf(const OrderInfo& order, const Names& names) {
  Json object;
  object["kind"] = KindName(order.kind);
  object["node"] = order.node == 0 ? Json(nullptr) : Json(NameOf(names, order.node));
  object["since_wall_us"] = order.since_wall_us;
  object["until_wall_us"] = order.until_wall_us == 0 ? Json(nullptr) : Json(order.until_wall_us);
  if (order.region) object["region"] = *order.region;
  if (order.priority) object["priority"] = *order.priority;
  if (order.kind == OrderKind::kHoldDown) object["flaps"] = order.flaps;
  object["actor"] = order.actor;
  object["reason"] = order.reason;
  return object;
}

absl::Status PrintChange(const Context& context, const Order& order, const OrderChange& change) {
  const Names names = ReadNames(context);
  if (context.json()) {
    Json object = JsonOf(change.order, names);
    object["lifted"] = order.lift;
    object["unchanged"] = change.unchanged;
    return context.Print(object);
  }
  const std::string whom =
      order.kind == OrderKind::kFreeze ? "" : " of " + NameOf(names, change.order.node);
  const std::string what = absl::StrCat(KindName(order.kind), whom);
  if (order.lift) {
    return context.Print(change.unchanged ? absl::StrCat("there was no ", what, "\n")
                                          : absl::StrCat("the ", what, " is lifted\n"));
  }
  return context.Print(absl::StrCat("the ", what, " stands until ", UntilText(change.order), "\n"));
}

absl::StatusOr<OrderChange> Give(const Context& context, const Order& order) {
  const auto options = context.Options(kCallTimeout);
  if (!options.ok()) return options.status();
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  return (**admin).ChangeOrder(order, *options);
}

absl::StatusOr<Order> OrderOf(OrderKind kind, const Arguments& arguments) {
  Order order;
  order.kind = kind;
  order.lift = arguments.lift;
  order.region = arguments.region;
  order.priority = arguments.priority;
  order.reason = arguments.reason;
  if (kind != OrderKind::kFreeze) {
    const auto node = ParseMemberRef(arguments.node);
    if (!node.ok()) return node.status();
    order.node = *node;
  }
  if (!arguments.stands_for.empty()) {
    const auto stands_for = ParseDuration(arguments.stands_for);
    if (!stands_for.ok()) return stands_for.status();
    order.stands_for = *stands_for;
  }
  return order;
}

absl::Status GiveAndPrint(const Context& context, OrderKind kind, const Arguments& arguments) {
  const auto order = OrderOf(kind, arguments);
  if (!order.ok()) return order.status();
  const auto change = Give(context, *order);
  return change.ok() ? PrintChange(context, *order, *change) : change.status();
}

// Both what an operator and what a leader has ordered: the node may lead again.
absl::Status Unbar(const Context& context, Arguments arguments) {
  arguments.lift = true;
  absl::Status done = GiveAndPrint(context, OrderKind::kBar, arguments);
  return done.ok() ? GiveAndPrint(context, OrderKind::kHoldDown, arguments) : done;
}

absl::Status ListOrders(const Context& context) {
  const Names names = ReadNames(context);
  const int64_t now_us = absl::ToUnixMicros(absl::Now());
  Json items = Json::array();
  Table table({{"ORDER"}, {"NODE"}, {"SINCE"}, {"UNTIL"}, {"DETAIL"}, {"BY"}, {"REASON"}});
  const absl::Status listed =
      ForEachRow(context, &Admin::ListOrders, &OrderPage::orders, [&](const OrderInfo& order) {
        if (order.until_wall_us != 0 && order.until_wall_us <= now_us) return absl::OkStatus();
        items.push_back(JsonOf(order, names));
        table.Add({KindName(order.kind), NameOf(names, order.node), UtcText(order.since_wall_us),
                   UntilText(order), DetailOf(order), order.actor, order.reason});
        return absl::OkStatus();
      });
  if (!listed.ok()) return listed;
  if (context.json()) return context.Print(Json{{"orders", std::move(items)}});
  if (items.empty()) return context.Print(std::string("no order stands\n"));
  return context.Print(table);
}

}  // namespace

void AddOrderCommands(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* what, bool of_a_node) {
    CLI::App* command = app->add_subcommand(name, what);
    if (of_a_node) command->add_option("NODE", arguments->node, "NAME or NAME#ID")->required();
    command->add_option("--reason", arguments->reason, "kept with it")->type_name("TEXT");
    return command;
  };
  const auto add_time = [&](CLI::App* command) {
    command->add_option("--for", arguments->stands_for, "how long (default: until it is lifted)")
        ->type_name("TIME");
  };

  CLI::App* bar = add("bar", "a node leads only if nobody else can, and gets no handover", true);
  add_time(bar);
  bar->callback([=] {
    context->command = [=] { return GiveAndPrint(*context, OrderKind::kBar, *arguments); };
  });
  add("unbar", "it may lead again; lifts a hold-down too", true)->callback([=] {
    context->command = [=] { return Unbar(*context, *arguments); };
  });

  CLI::App* prefer =
      add("prefer", "region and priority of a node, in place of those it is configured with", true);
  prefer->add_option("--region", arguments->region, "0 is where leaders are wanted")
      ->check(CLI::Range(0, 255));
  prefer->add_option("--priority", arguments->priority, "the lowest comes first")
      ->check(CLI::Range(0, 255));
  prefer->add_flag("--lift", arguments->lift, "as it is configured, again");
  add_time(prefer);
  prefer->callback([=] {
    context->command = [=] { return GiveAndPrint(*context, OrderKind::kPreference, *arguments); };
  });

  CLI::App* freeze =
      add("freeze", "no leadership moves but by an operator, or because a leader is gone", false);
  add_time(freeze);
  freeze->callback([=] {
    context->command = [=] { return GiveAndPrint(*context, OrderKind::kFreeze, *arguments); };
  });
  add("unfreeze", "leadership may be moved again", false)->callback([=] {
    arguments->lift = true;
    context->command = [=] { return GiveAndPrint(*context, OrderKind::kFreeze, *arguments); };
  });
  app->add_subcommand("orders", "what stands about who may lead")->callback([=] {
    context->command = [=] { return ListOrders(*context); };
  });
}

}  // namespace baton::cli
