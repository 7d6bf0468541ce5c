// put, get, delete, scan: one request each, or one range.
#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <memory>

#include "tools/baton/context.h"
#include "tools/baton/flags.h"
#include "tools/baton/range.h"

namespace baton::cli {
namespace {

constexpr size_t kStdinBytesMax = 8 << 20;  // the largest request that a cluster takes
constexpr size_t kKeyWidthMax = 48;         // characters shown in a table
constexpr size_t kValueWidthMax = 80;

struct Arguments {
  std::string key;
  std::string value;
  std::string keyspace;
  std::string through;  // a node's address; empty: the leader is found
  ReadFlags read;
  bool raw = false;
  RangeFlags range;
};

absl::StatusOr<CallOptions> OptionsOf(const Context& context, const std::string& keyspace) {
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  CallOptions options;
  options.timeout = *timeout;
  options.keyspace = keyspace;
  return options;
}

// Of a read.
absl::StatusOr<CallOptions> ReadOptionsOf(const Context& context, const Arguments& arguments) {
  absl::StatusOr<CallOptions> options = OptionsOf(context, arguments.keyspace);
  if (!options.ok()) return options;
  absl::StatusOr<ReadOptions> read = ParseReadFlags(arguments.read);
  if (!read.ok()) return read.status();
  options->read = *std::move(read);
  return options;
}

// What is wrong with flags, as CLI11 wants it; empty: nothing.
std::string ProblemOf(const ReadFlags& flags) {
  return std::string(ParseReadFlags(flags).status().message());
}

void AddReadFlags(CLI::App* command, ReadFlags* flags) {
  CLI::Option* stale = command
                           ->add_option("--stale-ms", flags->stale_ms,
                                        "may miss what the last N milliseconds brought")
                           ->type_name("N")
                           ->check(CLI::Range(1, 86'400'000));
  command
      ->add_option("--at-least", flags->at_least,
                   "see at least what an answer with this slot and reign saw")
      ->type_name("SLOT@REIGN")
      ->check([](const std::string& text) { return ProblemOf({.at_least = text}); })
      ->excludes(stale);
  command
      ->add_option("--from", flags->from,
                   "who answers: leader, nearest, any, or one node by its address")
      ->type_name("NODE")
      ->check([](const std::string& text) { return ProblemOf({.from = text}); });
}

absl::StatusOr<std::string> ReadStdin() {
  std::string text;
  char chunk[64 << 10];
  while (std::cin.read(chunk, sizeof chunk) || std::cin.gcount() > 0) {
    text.append(chunk, static_cast<size_t>(std::cin.gcount()));
    if (text.size() > kStdinBytesMax) {
      return absl::InvalidArgumentError("standard input holds more than " +
                                        std::to_string(kStdinBytesMax) +
                                        " bytes; split the value over several keys");
    }
  }
  return text;
}

absl::Status PrintWrite(const Context& context, const WriteResult& result) {
  if (context.json()) {
    Json object;
    object["revision"] = result.revision;
    object["durability"] = DurabilityName(result.durability);
    object["slot"] = result.slot;
    object["reign"] = result.reign;
    return context.Print(object);
  }
  return context.Print("revision " + std::to_string(result.revision) + ", durability " +
                       DurabilityName(result.durability) + ", slot " + std::to_string(result.slot) +
                       ", reign " + std::to_string(result.reign) + "\n");
}

absl::Status Put(const Context& context, const Arguments& arguments, bool value_given) {
  std::string value = arguments.value;
  if (!value_given || value == "-") {
    if (!value_given && isatty(0))
      context.Say("reading the value from the terminal; end it with Ctrl-D");
    absl::StatusOr<std::string> read = ReadStdin();
    if (!read.ok()) return read.status();
    value = *std::move(read);
  }
  const absl::StatusOr<CallOptions> options = OptionsOf(context, arguments.keyspace);
  if (!options.ok()) return options.status();
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<WriteResult> result = (*client)->Put(arguments.key, value, *options);
  if (!result.ok()) return result.status();
  return PrintWrite(context, *result);
}

absl::StatusOr<GetResult> Read(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<CallOptions> options = ReadOptionsOf(context, arguments);
  if (!options.ok()) return options.status();
  if (!arguments.through.empty()) {
    ClientOptions node;
    node.endpoints = {arguments.through};
    const auto admin = Admin::Connect(node);
    if (!admin.ok()) return admin.status();
    return (*admin)->GetThrough(arguments.through, arguments.key, *options);
  }
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  return (*client)->Get(arguments.key, *options);
}

absl::Status Get(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<GetResult> result = Read(context, arguments);
  if (!result.ok()) return result.status();
  if (!result->record) {
    return absl::NotFoundError("there is no key " + Printable(arguments.key, kKeyWidthMax));
  }
  if (context.json()) {
    Json object;
    SetBytes(&object, "key", arguments.key);
    SetBytes(&object, "value", result->record->value);
    object["revision"] = result->record->revision;
    if (arguments.read.given()) {  // for the --at-least of another
      object["slot"] = result->slot;
      object["reign"] = result->reign;
    }
    return context.Print(object);
  }
  return context.Print(result->record->value + (arguments.raw ? "" : "\n"));
}

absl::Status Delete(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<CallOptions> options = OptionsOf(context, arguments.keyspace);
  if (!options.ok()) return options.status();
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<DeleteResult> result = (*client)->Delete(arguments.key, {}, *options);
  if (!result.ok()) return result.status();
  return PrintWrite(context, *result);
}

absl::Status Scan(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<CallOptions> options = ReadOptionsOf(context, arguments);
  if (!options.ok()) return options.status();
  const auto client = context.Connect();
  if (!client.ok()) return client.status();

  const ScanRange range = RangeOf(arguments.range);
  const uint64_t limit = arguments.range.limit;
  Json items = Json::array();
  Table table({{"KEY"}, {"VALUE"}, {"REVISION", Table::Align::kRight}});
  std::string last_key;
  uint64_t count = 0;
  Json next;  // null: the range ended
  Scanner scanner(client->get(), range, *options);
  while (RangeHasKeys(range) && scanner.Next()) {
    const Record& record = scanner.record();
    if (limit > 0 && count == limit) {  // there is more: say where it goes on
      SetBytes(&next, "next", arguments.range.reverse ? last_key : record.key);
      break;
    }
    ++count;
    last_key = record.key;
    if (context.json()) {
      items.push_back(RecordJson(record, /*with_revision=*/true));
    } else {
      table.Add({Printable(record.key, kKeyWidthMax), Printable(record.value, kValueWidthMax),
                 std::to_string(record.revision)});
    }
  }
  if (!scanner.status().ok()) return scanner.status();
  if (context.json()) {
    Json object;
    object["items"] = std::move(items);
    if (next.is_null()) next["next"] = nullptr;
    object.update(next);
    return context.Print(object);
  }
  const absl::Status printed = context.Print(table);
  if (!next.is_null()) {
    context.Say("there is more; go on with " +
                std::string(arguments.range.reverse ? "--end " : "--begin ") +
                Printable(next.begin()->get<std::string>(), kKeyWidthMax));
  }
  return printed;
}

}  // namespace

void AddDataCommands(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* what) {
    return AddKeyspaceCommand(app, name, what, &arguments->keyspace);
  };

  CLI::App* put = add("put", "write a value; prints its revision");
  put->add_option("KEY", arguments->key, "key")->required();
  CLI::Option* value =
      put->add_option("VALUE", arguments->value, "value; from standard input if left out or -");
  put->callback([context, arguments, value] {
    const bool value_given = value->count() > 0;
    context->command = [=] { return Put(*context, *arguments, value_given); };
  });

  CLI::App* get = add("get", "print a value; exit code 3 if there is none");
  get->add_option("KEY", arguments->key, "key")->required();
  get->add_flag("--raw", arguments->raw, "print the value's bytes alone, without a newline");
  AddReadFlags(get, &arguments->read);
  get->add_option("--through", arguments->through,
                  "ask this node and no other; one that does not lead passes the question on, "
                  "unless --stale-ms or --at-least make it answer")
      ->type_name("HOST:PORT")
      ->excludes("--from");
  get->callback(
      [context, arguments] { context->command = [=] { return Get(*context, *arguments); }; });

  CLI::App* erase = add("delete", "delete a key; it need not exist");
  erase->add_option("KEY", arguments->key, "key")->required();
  erase->callback(
      [context, arguments] { context->command = [=] { return Delete(*context, *arguments); }; });

  CLI::App* scan = add("scan", "list keys and values in the order of their bytes");
  AddRangeFlags(scan, &arguments->range);
  AddReadFlags(scan, &arguments->read);
  scan->add_option("--limit", arguments->range.limit, "print at most N, and where to go on")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000'000));
  scan->add_flag("--reverse", arguments->range.reverse, "from the last key to the first");
  scan->callback(
      [context, arguments] { context->command = [=] { return Scan(*context, *arguments); }; });
}

}  // namespace baton::cli
