// loss list, show, export, replay.
#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tools/baton/context.h"

namespace baton::cli {
namespace {

constexpr size_t kKeyWidth = 40;
constexpr uint32_t kPageLosses = 1'000;

struct Arguments {
  std::string name;
  std::string keyspace;
};

// As `show` takes it: ballot, slot, place in the entry.
std::string NameOf(const LossInfo& loss) {
  return std::to_string(loss.born_round) + "." + std::to_string(loss.born_node) + "/" +
         std::to_string(loss.slot) + "/" + std::to_string(loss.index);
}

const char* KindName(LossInfo::Kind kind) {
  switch (kind) {
    case LossInfo::Kind::kDelete:
      return "delete";
    case LossInfo::Kind::kDeleteRange:
      return "delete-range";
    default:
      return "put";
  }
}

Json JsonOf(const LossInfo& loss) {
  Json object;
  object["loss"] = NameOf(loss);
  object["keyspace"] = loss.keyspace;
  object["kind"] = KindName(loss.kind);
  SetBytes(&object, "key", loss.key);
  if (loss.kind == LossInfo::Kind::kDeleteRange) SetBytes(&object, "end", loss.end);
  if (loss.kind == LossInfo::Kind::kPut) SetBytes(&object, "value", loss.value);
  object["acknowledged"] = loss.may_be_acknowledged ? "unknown" : "no";
  object["revision"] = loss.revision;
  if (loss.session != 0) {
    object["session"] = loss.session;
    object["sequence"] = loss.sequence;
  }
  object["wall_time_us"] = loss.wall_time_us;
  object["found_on_node"] = loss.found_on;
  return object;
}

// Calls `each` with every loss of the keyspace, or of all, in order.
absl::Status ForEach(const Context& context, const Arguments& arguments,
                     const std::function<absl::Status(const LossInfo&)>& each) {
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  const absl::StatusOr<std::unique_ptr<Admin>> admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  CallOptions options;
  options.timeout = *timeout;
  std::string after;
  do {
    absl::StatusOr<LossPage> page = (*admin)->ListLosses(after, kPageLosses, options);
    if (!page.ok()) return page.status();
    for (const LossInfo& loss : page->losses) {
      if (!arguments.keyspace.empty() && loss.keyspace != arguments.keyspace) continue;
      if (absl::Status s = each(loss); !s.ok()) return s;
    }
    after = std::move(page->next);
  } while (!after.empty());
  return absl::OkStatus();
}

absl::Status List(const Context& context, const Arguments& arguments) {
  Table table({{"LOSS"},
               {"KEYSPACE"},
               {"KIND"},
               {"KEY"},
               {"ACKNOWLEDGED"},
               {"REVISION", Table::Align::kRight}});
  Json items = Json::array();
  const absl::Status listed = ForEach(context, arguments, [&](const LossInfo& loss) {
    items.push_back(JsonOf(loss));
    table.Add({NameOf(loss), loss.keyspace, KindName(loss.kind), Printable(loss.key, kKeyWidth),
               loss.may_be_acknowledged ? "unknown" : "no", std::to_string(loss.revision)});
    return absl::OkStatus();
  });
  if (!listed.ok()) return listed;
  if (context.json()) return context.Print(Json{{"losses", std::move(items)}});
  if (items.empty()) return context.Print(std::string("nothing is known to be lost\n"));
  return context.Print(table);
}

absl::Status Show(const Context& context, const Arguments& arguments) {
  std::optional<Json> found;
  const absl::Status listed = ForEach(context, arguments, [&](const LossInfo& loss) {
    if (NameOf(loss) == arguments.name) found = JsonOf(loss);
    return absl::OkStatus();
  });
  if (!listed.ok()) return listed;
  if (!found) return absl::NotFoundError("there is no loss " + arguments.name);
  if (context.json()) return context.Print(*found);
  std::string text;
  for (const auto& [name, value] : found->items()) {
    text += name + ": " + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
  }
  return context.Print(text);
}

absl::Status Export(const Context& context, const Arguments& arguments) {
  return ForEach(context, arguments,
                 [&](const LossInfo& loss) { return context.Print(JsonOf(loss).dump() + "\n"); });
}

// The last that was lost of each key: what the key would be.
struct Replay {
  std::map<std::pair<std::string, std::string>, LossInfo> last;  // by keyspace and key
  uint64_t written = 0;
  uint64_t changed_since = 0;
  uint64_t ranges = 0;
};

bool IsConditionNotMet(const absl::Status& status) {
  const std::optional<ErrorInfo> info = GetErrorInfo(status);
  return info && info->reason == Reason::kConditionNotMet;
}

absl::Status ReplayOne(Client* client, const LossInfo& loss, CallOptions options, Replay* replay) {
  options.keyspace = loss.keyspace;
  const absl::StatusOr<GetResult> now = client->Get(loss.key, options);
  if (!now.ok()) return now.status();
  if (now->record && now->record->revision > loss.revision) {
    ++replay->changed_since;
    return absl::OkStatus();
  }
  options.condition =
      now->record ? Condition::AtRevision(now->record->revision) : Condition::Absent();
  const absl::Status status = loss.kind == LossInfo::Kind::kPut
                                  ? client->Put(loss.key, loss.value, options).status()
                                  : client->Delete(loss.key, {}, options).status();
  if (IsConditionNotMet(status)) {
    ++replay->changed_since;
    return absl::OkStatus();
  }
  replay->written += status.ok();
  return status;
}

absl::Status ReplayAll(const Context& context, const Arguments& arguments) {
  Replay replay;
  const absl::Status listed = ForEach(context, arguments, [&](const LossInfo& loss) {
    if (loss.kind == LossInfo::Kind::kDeleteRange) {
      ++replay.ranges;
    } else {
      replay.last[{loss.keyspace, loss.key}] = loss;
    }
    return absl::OkStatus();
  });
  if (!listed.ok()) return listed;
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  const absl::StatusOr<std::unique_ptr<Client>> client = context.Connect();
  if (!client.ok()) return client.status();
  CallOptions options;
  options.timeout = *timeout;
  for (const auto& [key, loss] : replay.last) {
    if (absl::Status s = ReplayOne(client->get(), loss, options, &replay); !s.ok()) return s;
  }
  if (context.json()) {
    return context.Print(Json{{"written", replay.written},
                              {"changed_since", replay.changed_since},
                              {"ranges_left", replay.ranges}});
  }
  return context.Print(std::to_string(replay.written) + " keys written, " +
                       std::to_string(replay.changed_since) + " changed since and left, " +
                       std::to_string(replay.ranges) + " deletions of ranges left\n");
}

}  // namespace

void AddLossCommands(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* loss = app->add_subcommand("loss", "the ledger of writes that were lost");
  loss->require_subcommand(1);
  const auto add = [&](const char* name, const char* what,
                       absl::Status (*run)(const Context&, const Arguments&)) {
    CLI::App* command = loss->add_subcommand(name, what);
    command->callback([=] { context->command = [=] { return run(*context, *arguments); }; });
    return command;
  };
  const auto add_keyspace = [&](CLI::App* command) {
    command->add_option("--keyspace", arguments->keyspace, "of this keyspace alone");
  };
  add_keyspace(add("list", "list lost writes, by the reign that they were made in", List));
  add("show", "show one lost write; exit code 3 if there is none", Show)
      ->add_option("LOSS", arguments->name, "as list names it: ROUND.NODE/SLOT/INDEX")
      ->required();
  add_keyspace(add("export", "print every lost write as a line of JSON", Export));
  CLI::App* replay = add("replay",
                         "write what was lost once more. A key that is not there counts as "
                         "unchanged; deletions of ranges are left to you",
                         ReplayAll);
  add_keyspace(replay);
  replay
      ->add_flag_callback(
          "--if-unchanged", [] {},
          "only keys that have not changed since: the only way to replay, and said so that "
          "nobody expects another")
      ->required();
}

}  // namespace baton::cli
