// put, get, delete, increment, append, scan: one request each, or one range.
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
  int64_t by = 1;
  bool if_absent = false;
  bool if_exists = false;
  uint64_t if_revision = 0;
  std::string if_value;
  std::string durability;
};

void AddWriteFlags(CLI::App* command, Arguments* arguments) {
  CLI::Option_group* only = command->add_option_group(
      "condition", "the write takes effect only if this holds (exit code 5 if it does not)");
  only->require_option(0, 1);
  only->add_flag("--if-absent", arguments->if_absent, "there is no such key");
  only->add_flag("--if-exists", arguments->if_exists, "there is such a key");
  only->add_option("--if-revision", arguments->if_revision,
                   "the key's last change has this revision")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  only->add_option("--if-value", arguments->if_value, "the key has this value")->type_name("V");
  command
      ->add_option("--durability", arguments->durability,
                   "what the write must survive at least; quorum where the keyspace gives less")
      ->type_name("D")
      ->check(CLI::IsMember({"quorum"}));
}

absl::StatusOr<CallOptions> OptionsOf(const Context& context, const std::string& keyspace) {
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  CallOptions options;
  options.timeout = *timeout;
  options.keyspace = keyspace;
  return options;
}

// Of a write that was given on `command`.
absl::StatusOr<CallOptions> WriteOptionsOf(const Context& context, const Arguments& arguments,
                                           const CLI::App& command) {
  absl::StatusOr<CallOptions> options = OptionsOf(context, arguments.keyspace);
  if (!options.ok()) return options;
  if (arguments.if_absent) options->condition = Condition::Absent();
  if (arguments.if_exists) options->condition = Condition::Exists();
  if (arguments.if_revision != 0) {
    options->condition = Condition::AtRevision(arguments.if_revision);
  }
  if (command.count("--if-value") != 0) {
    options->condition = Condition::HasValue(arguments.if_value);
  }
  if (!arguments.durability.empty()) options->durability = Durability::kQuorum;
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

// `number`: what the write gave beside, and its name; a null name: nothing.
absl::Status PrintWrite(const Context& context, const WriteResult& result,
                        const char* number_name = nullptr, int64_t number = 0) {
  if (context.json()) {
    Json object;
    if (number_name != nullptr) object[number_name] = number;
    object["revision"] = result.revision;
    object["durability"] = DurabilityName(result.durability);
    object["slot"] = result.slot;
    object["reign"] = result.reign;
    return context.Print(object);
  }
  const std::string first =
      number_name == nullptr ? "" : number_name + (" " + std::to_string(number)) + ", ";
  return context.Print(first + "revision " + std::to_string(result.revision) + ", durability " +
                       DurabilityName(result.durability) + ", slot " + std::to_string(result.slot) +
                       ", reign " + std::to_string(result.reign) + "\n");
}

absl::Status Put(const Context& context, const Arguments& arguments, const CLI::App& command) {
  const bool value_given = command.count("VALUE") > 0;
  std::string value = arguments.value;
  if (!value_given || value == "-") {
    if (!value_given && isatty(0))
      context.Say("reading the value from the terminal; end it with Ctrl-D");
    absl::StatusOr<std::string> read = ReadStdin();
    if (!read.ok()) return read.status();
    value = *std::move(read);
  }
  const absl::StatusOr<CallOptions> options = WriteOptionsOf(context, arguments, command);
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

absl::Status Increment(const Context& context, const Arguments& arguments,
                       const CLI::App& command) {
  const absl::StatusOr<CallOptions> options = WriteOptionsOf(context, arguments, command);
  if (!options.ok()) return options.status();
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  const auto result = (*client)->Increment(arguments.key, arguments.by, *options);
  if (!result.ok()) return result.status();
  return PrintWrite(context, *result, "value", result->value);
}

absl::Status Append(const Context& context, const Arguments& arguments, const CLI::App& command) {
  const absl::StatusOr<CallOptions> options = WriteOptionsOf(context, arguments, command);
  if (!options.ok()) return options.status();
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  const auto result = (*client)->Append(arguments.key, arguments.value, *options);
  if (!result.ok()) return result.status();
  return PrintWrite(context, *result, "value_bytes", static_cast<int64_t>(result->value_bytes));
}

absl::Status Delete(const Context& context, const Arguments& arguments, const CLI::App& command) {
  const absl::StatusOr<CallOptions> options = WriteOptionsOf(context, arguments, command);
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
    return AddCommandInKeyspace(app, name, what, &arguments->keyspace);
  };

  CLI::App* put = add("put", "write a value; prints its revision");
  put->add_option("KEY", arguments->key, "key")->required();
  put->add_option("VALUE", arguments->value, "value; from standard input if left out or -");
  AddWriteFlags(put, arguments.get());
  put->callback([context, arguments, put] {
    context->command = [=] { return Put(*context, *arguments, *put); };
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
  AddWriteFlags(erase, arguments.get());
  erase->callback([context, arguments, erase] {
    context->command = [=] { return Delete(*context, *arguments, *erase); };
  });

  CLI::App* increment = add("increment", "add to a number; one that is not there is 0");
  increment->add_option("KEY", arguments->key, "key")->required();
  increment->add_option("BY", arguments->by, "what to add; 1 if left out");
  AddWriteFlags(increment, arguments.get());
  increment->callback([context, arguments, increment] {
    context->command = [=] { return Increment(*context, *arguments, *increment); };
  });

  CLI::App* append = add("append", "add bytes to the end of a value; prints its new length");
  append->add_option("KEY", arguments->key, "key")->required();
  append->add_option("VALUE", arguments->value, "what to add")->required();
  AddWriteFlags(append, arguments.get());
  append->callback([context, arguments, append] {
    context->command = [=] { return Append(*context, *arguments, *append); };
  });

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
