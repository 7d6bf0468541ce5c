// loss list, show, export, replay, bounds.
#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tools/baton/context.h"
#include "tools/baton/names.h"
#include "tools/baton/pages.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

constexpr size_t kKeyWidth = 40;

struct Arguments {
  std::string name;
  std::string keyspace;
  bool all = false;  // those that took effect after all, too
};

std::string ReignName(uint64_t round, uint32_t node) {
  return std::to_string(round) + "." + std::to_string(node);
}

// As `show` takes it: ballot, slot, place in the entry.
std::string NameOf(const LossInfo& loss) {
  return ReignName(loss.born_round, loss.born_node) + "/" + std::to_string(loss.slot) + "/" +
         std::to_string(loss.index);
}

const char* WordOf(LossInfo::Acknowledged acknowledged) {
  switch (acknowledged) {
    case LossInfo::Acknowledged::kNo:
      return "no";
    case LossInfo::Acknowledged::kAgain:
      return "again";
    default:
      return "unknown";
  }
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
  object["acknowledged"] = WordOf(loss.acknowledged);
  object["revision"] = loss.revision;
  if (loss.session != 0) {
    object["session"] = loss.session;
    object["sequence"] = loss.sequence;
  }
  object["wall_time_us"] = loss.wall_time_us;
  object["found_on_node"] = loss.found_on;
  return object;
}

// Calls `each` with every loss that is wanted, in order.
absl::Status ForEach(const Context& context, const Arguments& arguments,
                     const std::function<absl::Status(const LossInfo&)>& each) {
  if (absl::Status s = CheckKeyspaceEverWas(context, arguments.keyspace); !s.ok()) return s;
  return ForEachRow(context, &Admin::ListLosses, &LossPage::losses, [&](const LossInfo& loss) {
    const bool named = arguments.keyspace.empty() || loss.keyspace == arguments.keyspace;
    const bool lost = arguments.all || loss.acknowledged != LossInfo::Acknowledged::kAgain;
    return named && lost ? each(loss) : absl::OkStatus();
  });
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
               WordOf(loss.acknowledged), std::to_string(loss.revision)});
    return absl::OkStatus();
  });
  if (!listed.ok()) return listed;
  if (context.json()) return context.Print(Json{{"losses", std::move(items)}});
  if (items.empty()) return context.Print(std::string("nothing is known to be lost\n"));
  return context.Print(table);
}

absl::Status Show(const Context& context, const Arguments& asked) {
  Arguments arguments = asked;
  arguments.all = true;
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
  uint64_t dropped = 0;  // of keyspaces that are no more, though one of that name may be
};

// What may have been acknowledged alone: of the rest its clients know, or it is there.
void Sort(const LossInfo& loss, const std::map<std::string, uint32_t>& keyspaces, Replay* replay) {
  if (loss.acknowledged != LossInfo::Acknowledged::kUnknown) return;
  const auto keyspace = keyspaces.find(loss.keyspace);
  if (keyspace == keyspaces.end() || keyspace->second != loss.keyspace_id) {
    ++replay->dropped;
  } else if (loss.kind == LossInfo::Kind::kDeleteRange) {
    ++replay->ranges;
  } else {
    replay->last[{loss.keyspace, loss.key}] = loss;
  }
}

absl::StatusOr<std::map<std::string, uint32_t>> ReadKeyspaces(const Context& context,
                                                              const CallOptions& options) {
  const auto admin = context.ConnectAdmin();
  if (!admin.ok()) return admin.status();
  const auto keyspaces = (**admin).ListKeyspaces("", options);
  if (!keyspaces.ok()) return keyspaces.status();
  std::map<std::string, uint32_t> ids;
  for (const KeyspaceInfo& keyspace : *keyspaces) ids[keyspace.name] = keyspace.id;
  return ids;
}

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
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  CallOptions options;
  options.timeout = *timeout;
  const auto keyspaces = ReadKeyspaces(context, options);
  if (!keyspaces.ok()) return keyspaces.status();
  Replay replay;
  const absl::Status listed = ForEach(context, arguments, [&](const LossInfo& loss) {
    Sort(loss, *keyspaces, &replay);
    return absl::OkStatus();
  });
  if (!listed.ok()) return listed;
  const absl::StatusOr<std::unique_ptr<Client>> client = context.Connect();
  if (!client.ok()) return client.status();
  for (const auto& [key, loss] : replay.last) {
    if (absl::Status s = ReplayOne(client->get(), loss, options, &replay); !s.ok()) return s;
  }
  if (context.json()) {
    return context.Print(Json{{"written", replay.written},
                              {"changed_since", replay.changed_since},
                              {"ranges_left", replay.ranges},
                              {"keyspace_dropped", replay.dropped}});
  }
  return context.Print(std::to_string(replay.written) + " keys written, " +
                       std::to_string(replay.changed_since) + " changed since and left, " +
                       std::to_string(replay.ranges) + " deletions of ranges left, " +
                       std::to_string(replay.dropped) + " of dropped keyspaces left\n");
}

// ---- What a reign may have lost

// An async keyspace at the slot where a reign began: how much of it the reign before may have
// acknowledged that is not in its log, and how much of that the ledger has.
struct Bound {
  ReignInfo reign;
  KeyspaceInfo keyspace;
  uint64_t listed = 0;  // losses that may have been acknowledged
};

struct Recorded {
  std::vector<ReignInfo> reigns;                                // by ballot
  std::map<uint32_t, std::vector<KeyspaceChangeInfo>> changes;  // of each keyspace, in order
  // Losses that may have been acknowledged, by the reign that made the write and its keyspace.
  std::map<std::pair<std::string, std::string>, uint64_t> losses;
};

absl::StatusOr<Recorded> ReadRecorded(const Context& context) {
  Recorded all;
  absl::Status read =
      ForEachRow(context, &Admin::ListReigns, &ReignPage::reigns, [&all](ReignInfo reign) {
        all.reigns.push_back(std::move(reign));
        return absl::OkStatus();
      });
  if (!read.ok()) return read;
  read = ForEachRow(context, &Admin::ListKeyspaceChanges, &KeyspaceChangePage::changes,
                    [&all](KeyspaceChangeInfo change) {
                      all.changes[change.keyspace.id].push_back(std::move(change));
                      return absl::OkStatus();
                    });
  if (!read.ok()) return read;
  read = ForEachRow(context, &Admin::ListLosses, &LossPage::losses, [&all](const LossInfo& loss) {
    const std::string made_in = ReignName(loss.born_round, loss.born_node);
    all.losses[{made_in, loss.keyspace}] += loss.acknowledged == LossInfo::Acknowledged::kUnknown;
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return all;
}

// The keyspace as it was just before `slot`, if it was async there.
std::optional<KeyspaceInfo> AsyncAt(const std::vector<KeyspaceChangeInfo>& changes, uint64_t slot) {
  const KeyspaceChangeInfo* newest = nullptr;
  for (const KeyspaceChangeInfo& change : changes) {
    if (change.slot < slot) newest = &change;
  }
  if (newest == nullptr || newest->kind == KeyspaceChangeInfo::Kind::kDropped) return std::nullopt;
  if (newest->keyspace.settings.mode != KeyspaceMode::kAsync) return std::nullopt;
  return newest->keyspace;
}

std::vector<Bound> BoundsOf(const Recorded& all) {
  std::vector<Bound> bounds;
  for (const ReignInfo& reign : all.reigns) {
    if (reign.predecessor_round == 0) continue;
    for (const auto& [id, changes] : all.changes) {
      std::optional<KeyspaceInfo> keyspace = AsyncAt(changes, reign.slot);
      if (!keyspace) continue;
      const std::string before = ReignName(reign.predecessor_round, reign.predecessor_node);
      const auto losses = all.losses.find({before, keyspace->name});
      bounds.push_back(
          Bound{reign, *std::move(keyspace), losses == all.losses.end() ? 0 : losses->second});
    }
  }
  return bounds;
}

Json JsonOf(const Bound& bound) {
  const ReignInfo& reign = bound.reign;
  const KeyspaceSettings& settings = bound.keyspace.settings;
  Json object;
  object["reign"] = ReignName(reign.round, reign.node);
  object["wall_time_us"] = reign.wall_time_us;
  object["slot"] = reign.slot;
  object["predecessor"] = ReignName(reign.predecessor_round, reign.predecessor_node);
  object["predecessor_durable_slot"] = reign.predecessor_durable_slot;
  object["keyspace"] = bound.keyspace.name;
  object["ops_max"] = *settings.max_unreplicated_ops;
  object["bytes_max"] = *settings.max_unreplicated_bytes;
  object["ms_max"] = *settings.max_unreplicated_ms;
  object["listed"] = bound.listed;
  return object;
}

absl::Status Bounds(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<Recorded> all = ReadRecorded(context);
  if (!all.ok()) return all.status();
  Table table({{"REIGN"},
               {"BEGAN"},
               {"SLOT", Table::Align::kRight},
               {"PREDECESSOR"},
               {"ITS DURABLE SLOT", Table::Align::kRight},
               {"KEYSPACE"},
               {"OPS MAX", Table::Align::kRight},
               {"BYTES MAX", Table::Align::kRight},
               {"MS MAX", Table::Align::kRight},
               {"LISTED", Table::Align::kRight}});
  Json items = Json::array();
  for (const Bound& bound : BoundsOf(*all)) {
    if (!arguments.keyspace.empty() && bound.keyspace.name != arguments.keyspace) continue;
    items.push_back(JsonOf(bound));
    const ReignInfo& reign = bound.reign;
    const KeyspaceSettings& settings = bound.keyspace.settings;
    table.Add({ReignName(reign.round, reign.node), UtcText(reign.wall_time_us),
               std::to_string(reign.slot),
               ReignName(reign.predecessor_round, reign.predecessor_node),
               std::to_string(reign.predecessor_durable_slot), bound.keyspace.name,
               std::to_string(*settings.max_unreplicated_ops),
               std::to_string(*settings.max_unreplicated_bytes),
               std::to_string(*settings.max_unreplicated_ms), std::to_string(bound.listed)});
  }
  if (context.json()) return context.Print(Json{{"bounds", std::move(items)}});
  if (items.empty()) {
    return context.Print(
        std::string("no leader has followed another while a keyspace was async\n"));
  }
  return context.Print(table);
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
  const auto add_all = [&](CLI::App* command) {
    command->add_flag("--all", arguments->all,
                      "also those that their clients sent again, and that took effect after all");
    return command;
  };
  add_keyspace(add_all(add("list", "list lost writes, by the reign that they were made in", List)));
  add("show", "show one lost write; exit code 3 if there is none", Show)
      ->add_option("LOSS", arguments->name, "as list names it: ROUND.NODE/SLOT/INDEX")
      ->required();
  add_keyspace(add("bounds",
                   "for each reign and each keyspace that was async when it began: what the reign "
                   "before may have acknowledged and lost at the most, and what is listed of it",
                   Bounds));
  add_keyspace(add_all(add("export", "print every lost write as a line of JSON", Export)));
  CLI::App* replay =
      add("replay",
          "write what was lost, and may have been acknowledged, once more. A key that is "
          "not there counts as unchanged; deletions of ranges are left to you",
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
