// keyspace create, alter, list, show, drop, history.
#include <CLI/CLI.hpp>
#include <chrono>
#include <future>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tools/baton/context.h"
#include "tools/baton/names.h"
#include "tools/baton/pages.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

// A number that a machine has: a sign, or more digits, would be read as something else.
std::string ProblemOfCount(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits && text.size() <= 18 ? "" : "\"" + text + "\" is no number from 0 to 10^18 - 1";
}

constexpr std::chrono::milliseconds kProgressPause{100};
constexpr std::chrono::milliseconds kProgressTimeout{1000};

struct Arguments {
  std::string name;
  std::string mode;
  std::string on_budget;
  uint64_t max_unreplicated_bytes = 0;
  uint64_t max_unreplicated_ops = 0;
  uint64_t max_unreplicated_ms = 0;
  uint64_t size_bytes_max = 0;
  uint64_t value_bytes_max = 0;
  uint64_t default_staleness_ms = 0;
  std::string description;
  std::string reason;
  std::string actor;
  std::string confirm;
};

void AddSettings(CLI::App* command, Arguments* arguments) {
  command
      ->add_option("--mode", arguments->mode,
                   "when a write is answered: sync, once a quorum has "
                   "it; async, once the leader has it on disk")
      ->check(CLI::IsMember({"sync", "async"}));
  command
      ->add_option("--on-budget", arguments->on_budget,
                   "what an async write does over the "
                   "budget: wait for the quorum, or fail")
      ->check(CLI::IsMember({"wait", "fail"}));
  command
      ->add_option("--max-unreplicated-bytes", arguments->max_unreplicated_bytes,
                   "what may be acknowledged that no quorum has")
      ->type_name("N")
      ->check(ProblemOfCount);
  command
      ->add_option("--max-unreplicated-ops", arguments->max_unreplicated_ops,
                   "the same, in operations")
      ->type_name("N")
      ->check(ProblemOfCount);
  command
      ->add_option("--max-unreplicated-ms", arguments->max_unreplicated_ms,
                   "the same, by the age of the oldest")
      ->type_name("N")
      ->check(ProblemOfCount);
  command
      ->add_option("--size-bytes-max", arguments->size_bytes_max,
                   "refuse writes above this size on disk, about; 0: no limit")
      ->type_name("N")
      ->check(ProblemOfCount);
  command->add_option("--value-bytes-max", arguments->value_bytes_max, "the longest value")
      ->type_name("N")
      ->check(ProblemOfCount);
  command
      ->add_option("--default-staleness-ms", arguments->default_staleness_ms,
                   "how stale reads may be that name no level; 0: linearizable")
      ->type_name("N")
      ->check(ProblemOfCount);
  command->add_option("--description", arguments->description, "for people");
}

void AddReason(CLI::App* command, Arguments* arguments) {
  command->add_option("--reason", arguments->reason, "kept with the change, for people");
  command->add_option("--actor", arguments->actor, "on whose behalf; kept with the change");
}

// Those that were given on `command`.
KeyspaceSettings SettingsOf(const CLI::App& command, const Arguments& arguments) {
  KeyspaceSettings settings;
  if (!arguments.mode.empty()) {
    settings.mode = arguments.mode == "async" ? KeyspaceMode::kAsync : KeyspaceMode::kSync;
  }
  if (!arguments.on_budget.empty()) {
    settings.on_budget = arguments.on_budget == "fail" ? OnBudget::kFail : OnBudget::kWait;
  }
  const auto given = [&command](const char* flag, const auto& value, auto* setting) {
    if (command.count(flag) > 0) *setting = value;
  };
  given("--max-unreplicated-bytes", arguments.max_unreplicated_bytes,
        &settings.max_unreplicated_bytes);
  given("--max-unreplicated-ops", arguments.max_unreplicated_ops, &settings.max_unreplicated_ops);
  given("--max-unreplicated-ms", arguments.max_unreplicated_ms, &settings.max_unreplicated_ms);
  given("--size-bytes-max", arguments.size_bytes_max, &settings.size_bytes_max);
  given("--value-bytes-max", arguments.value_bytes_max, &settings.value_bytes_max);
  given("--default-staleness-ms", arguments.default_staleness_ms, &settings.default_staleness_ms);
  given("--description", arguments.description, &settings.description);
  return settings;
}

Json JsonOf(const KeyspaceInfo& keyspace) {
  const KeyspaceSettings& settings = keyspace.settings;
  Json object;
  object["id"] = keyspace.id;
  object["name"] = keyspace.name;
  object["mode"] = KeyspaceModeName(*settings.mode);
  object["on_budget"] = OnBudgetName(*settings.on_budget);
  object["max_unreplicated_bytes"] = *settings.max_unreplicated_bytes;
  object["max_unreplicated_ops"] = *settings.max_unreplicated_ops;
  object["max_unreplicated_ms"] = *settings.max_unreplicated_ms;
  object["size_bytes_max"] = *settings.size_bytes_max;
  object["value_bytes_max"] = *settings.value_bytes_max;
  object["default_staleness_ms"] = *settings.default_staleness_ms;
  object["description"] = *settings.description;
  object["size_bytes"] = keyspace.size_bytes;
  if (keyspace.unreplicated) {
    const UnreplicatedInfo& now = *keyspace.unreplicated;
    object["unreplicated"] = {{"ops", now.ops},
                              {"bytes", now.bytes},
                              {"age_us", now.age_us},
                              {"ops_high", now.ops_high},
                              {"bytes_high", now.bytes_high},
                              {"age_high_us", now.age_high_us},
                              {"waited", now.waited},
                              {"failed", now.failed}};
  }
  return object;
}

std::string UnreplicatedText(const KeyspaceInfo& keyspace) {
  if (!keyspace.unreplicated) return "-";
  const UnreplicatedInfo& now = *keyspace.unreplicated;
  return std::to_string(now.ops) + " of " + std::to_string(*keyspace.settings.max_unreplicated_ops);
}

// For people: what was acknowledged and no quorum is known to have.
std::string UnreplicatedLines(const UnreplicatedInfo& now) {
  return absl::StrCat("unreplicated now: ", now.ops, " operations, ", now.bytes,
                      " bytes, the oldest for ", now.age_us / 1000, " ms\n",
                      "most in the last minute: ", now.ops_high, " operations, ", now.bytes_high,
                      " bytes, ", now.age_high_us / 1000, " ms\n", "by its budget: ", now.waited,
                      " acknowledgements were held back, ", now.failed, " writes refused\n");
}

absl::Status PrintOne(const Context& context, const KeyspaceInfo& keyspace) {
  const Json object = JsonOf(keyspace);
  if (context.json()) return context.Print(object);
  std::string text;
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) continue;
    text += name + ": " + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
  }
  if (keyspace.unreplicated) text += UnreplicatedLines(*keyspace.unreplicated);
  return context.Print(text);
}

struct Asked {
  std::unique_ptr<Admin> admin;
  CallOptions options;
};

absl::StatusOr<Asked> Connect(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  absl::StatusOr<std::unique_ptr<Admin>> admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  Asked asked;
  asked.admin = *std::move(admin);
  asked.options.timeout = *timeout;
  asked.options.actor = arguments.actor.empty() ? Actor() : arguments.actor;
  return asked;
}

absl::Status PrintChange(const Context& context, const absl::StatusOr<KeyspaceChange>& change,
                         const char* what) {
  if (!change.ok()) return change.status();
  if (context.json()) {
    Json object = JsonOf(change->keyspace);
    object["unchanged"] = change->unchanged;
    return context.Print(object);
  }
  return context.Print("keyspace " + change->keyspace.name +
                       (change->unchanged ? " was so already\n" : std::string(" ") + what + "\n"));
}

absl::Status Create(const Context& context, const Arguments& arguments, const CLI::App& command) {
  absl::StatusOr<Asked> asked = Connect(context, arguments);
  if (!asked.ok()) return asked.status();
  return PrintChange(context,
                     asked->admin->CreateKeyspace(arguments.name, SettingsOf(command, arguments),
                                                  arguments.reason, asked->options),
                     "created");
}

// How much was acknowledged that no quorum has yet; nothing if that cannot be told.
std::optional<UnreplicatedInfo> Tail(const Asked& asked, const std::string& name) {
  CallOptions brief;
  brief.timeout = kProgressTimeout;
  const auto keyspaces = asked.admin->ListKeyspaces(name, brief);
  if (!keyspaces.ok() || keyspaces->empty()) return std::nullopt;
  return keyspaces->front().unreplicated;
}

// One that becomes sync is so once all that it has acknowledged is chosen: says meanwhile how much
// is not.
absl::Status Alter(const Context& context, const Arguments& arguments, const CLI::App& command) {
  absl::StatusOr<Asked> asked = Connect(context, arguments);
  if (!asked.ok()) return asked.status();
  const KeyspaceSettings settings = SettingsOf(command, arguments);
  auto change = std::async(std::launch::async, [&] {
    return asked->admin->AlterKeyspace(arguments.name, settings, arguments.reason, asked->options);
  });
  const bool to_sync = settings.mode == KeyspaceMode::kSync;
  while (to_sync && change.wait_for(kProgressPause) == std::future_status::timeout) {
    const std::optional<UnreplicatedInfo> tail = Tail(*asked, arguments.name);
    if (!tail || tail->ops == 0) continue;
    context.Say("waiting for a quorum to have " + std::to_string(tail->ops) + " writes of " +
                std::to_string(tail->bytes) + " bytes that were acknowledged before");
  }
  return PrintChange(context, change.get(), "altered");
}

absl::Status Drop(const Context& context, const Arguments& arguments) {
  std::string confirm = arguments.confirm;
  if (confirm.empty() && isatty(0)) {
    context.Say("dropping " + arguments.name +
                " deletes all that is in it; type its name once more to go on");
    std::getline(std::cin, confirm);
  }
  if (confirm != arguments.name) {
    return absl::InvalidArgumentError("dropping " + arguments.name +
                                      " deletes all that is in it: say --confirm " +
                                      arguments.name);
  }
  absl::StatusOr<Asked> asked = Connect(context, arguments);
  if (!asked.ok()) return asked.status();
  return PrintChange(
      context,
      asked->admin->DropKeyspace(arguments.name, confirm, arguments.reason, asked->options),
      "dropped");
}

absl::Status List(const Context& context, const Arguments& arguments) {
  absl::StatusOr<Asked> asked = Connect(context, arguments);
  if (!asked.ok()) return asked.status();
  const auto keyspaces = asked->admin->ListKeyspaces("", asked->options);
  if (!keyspaces.ok()) return keyspaces.status();
  if (context.json()) {
    Json items = Json::array();
    for (const KeyspaceInfo& keyspace : *keyspaces) items.push_back(JsonOf(keyspace));
    return context.Print(Json{{"keyspaces", std::move(items)}});
  }
  Table table({{"NAME"},
               {"MODE"},
               {"UNREPLICATED", Table::Align::kRight},
               {"BYTES", Table::Align::kRight},
               {"DESCRIPTION"}});
  for (const KeyspaceInfo& keyspace : *keyspaces) {
    table.Add({keyspace.name, KeyspaceModeName(*keyspace.settings.mode), UnreplicatedText(keyspace),
               std::to_string(keyspace.size_bytes), *keyspace.settings.description});
  }
  return context.Print(table);
}

absl::Status Show(const Context& context, const Arguments& arguments) {
  absl::StatusOr<Asked> asked = Connect(context, arguments);
  if (!asked.ok()) return asked.status();
  const auto keyspaces = asked->admin->ListKeyspaces(arguments.name, asked->options);
  if (!keyspaces.ok()) return keyspaces.status();
  if (keyspaces->empty()) {
    return absl::NotFoundError("there is no keyspace named " + arguments.name);
  }
  return PrintOne(context, keyspaces->front());
}

const char* KindName(KeyspaceChangeInfo::Kind kind) {
  switch (kind) {
    case KeyspaceChangeInfo::Kind::kAltered:
      return "altered";
    case KeyspaceChangeInfo::Kind::kDropped:
      return "dropped";
    default:
      return "created";
  }
}

absl::Status History(const Context& context, const Arguments& arguments) {
  if (absl::Status s = CheckKeyspaceEverWas(context, arguments.name); !s.ok()) return s;
  Json items = Json::array();
  Table table({{"WHEN"},
               {"SLOT", Table::Align::kRight},
               {"KEYSPACE"},
               {"CHANGE"},
               {"MODE"},
               {"ACTOR"},
               {"REASON"}});
  const auto each = [&](const KeyspaceChangeInfo& change) {
    const KeyspaceInfo& keyspace = change.keyspace;
    if (!arguments.name.empty() && keyspace.name != arguments.name) return absl::OkStatus();
    Json object = JsonOf(keyspace);
    object.erase("size_bytes");
    object["change"] = KindName(change.kind);
    object["slot"] = change.slot;
    object["revision"] = change.revision;
    object["wall_time_us"] = change.wall_time_us;
    object["actor"] = change.actor;
    object["reason"] = change.reason;
    items.push_back(std::move(object));
    table.Add({UtcText(change.wall_time_us), std::to_string(change.slot), keyspace.name,
               KindName(change.kind), KeyspaceModeName(*keyspace.settings.mode), change.actor,
               change.reason});
    return absl::OkStatus();
  };
  const absl::Status listed =
      ForEachRow(context, &Admin::ListKeyspaceChanges, &KeyspaceChangePage::changes, each);
  if (!listed.ok()) return listed;
  if (context.json()) return context.Print(Json{{"changes", std::move(items)}});
  return context.Print(table);
}

}  // namespace

void AddKeyspaceCommands(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* keyspace = app->add_subcommand("keyspace", "sets of keys, each with its own mode");
  keyspace->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, bool named) {
    CLI::App* command = keyspace->add_subcommand(name, what);
    if (named) command->add_option("NAME", arguments->name, "keyspace")->required();
    return command;
  };

  CLI::App* create = add("create", "create a keyspace", true);
  AddSettings(create, arguments.get());
  AddReason(create, arguments.get());
  create->callback([context, arguments, create] {
    context->command = [=] { return Create(*context, *arguments, *create); };
  });

  CLI::App* alter = add("alter", "change a keyspace; what is not given stays as it is", true);
  AddSettings(alter, arguments.get());
  AddReason(alter, arguments.get());
  alter->callback([context, arguments, alter] {
    context->command = [=] { return Alter(*context, *arguments, *alter); };
  });

  CLI::App* drop = add("drop", "delete a keyspace and all that is in it", true);
  drop->add_option("--confirm", arguments->confirm, "the keyspace's name once more")
      ->type_name("NAME");
  AddReason(drop, arguments.get());
  drop->callback(
      [context, arguments] { context->command = [=] { return Drop(*context, *arguments); }; });

  CLI::App* list = add("list", "list keyspaces", false);
  list->callback(
      [context, arguments] { context->command = [=] { return List(*context, *arguments); }; });

  CLI::App* history = add("history", "who changed a keyspace, or any, when and why", false);
  history->add_option("NAME", arguments->name, "of this keyspace alone, dropped ones included");
  history->callback(
      [context, arguments] { context->command = [=] { return History(*context, *arguments); }; });

  CLI::App* show = add("show", "show one keyspace; exit code 3 if there is none", true);
  show->callback(
      [context, arguments] { context->command = [=] { return Show(*context, *arguments); }; });
}

}  // namespace baton::cli
