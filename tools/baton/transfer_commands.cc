// import, export: whole ranges as JSON lines.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include "tools/baton/context.h"
#include "tools/baton/importer.h"
#include "tools/baton/progress.h"
#include "tools/baton/range.h"

namespace baton::cli {
namespace {

constexpr std::chrono::milliseconds kPutTimeout{10'000};  // of one attempt

struct Arguments {
  std::string file;
  std::string keyspace;
  bool no_revision = false;
  RangeFlags range;
};

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::Status Import(const Context& context, const Arguments& arguments) {
  const auto timeout = context.Timeout(kPutTimeout);
  if (!timeout.ok()) return timeout.status();
  std::ifstream file;
  const bool from_stdin = arguments.file == "-";
  if (!from_stdin) {
    file.open(arguments.file);
    if (!file) {
      return absl::InvalidArgumentError("cannot read " + arguments.file + ": " +
                                        std::strerror(errno));
    }
  }
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  CallOptions options;
  options.timeout = *timeout;
  options.keyspace = arguments.keyspace;

  Progress progress(&std::cerr, context.err_is_terminal, "records imported", 0, NowUs());
  absl::StatusOr<ImportResult> result;
  {
    Importer importer(
        [&](const std::string& key, const std::string& value,
            std::function<void(absl::Status)> done) {
          (*client)->PutAsync(key, value, options,
                              [done = std::move(done)](const absl::StatusOr<WriteResult>& put) {
                                done(put.status());
                              });
        },
        [&](uint64_t records) { progress.Update(records, NowUs()); });
    result = importer.Run(from_stdin ? &std::cin : static_cast<std::istream*>(&file),
                          from_stdin ? "standard input" : arguments.file);
  }
  if (!result.ok()) return result.status();
  progress.Finish(result->records, NowUs());
  if (!context.json()) return absl::OkStatus();
  Json object;
  object["imported"] = result->records;
  object["bytes"] = result->bytes;
  return context.Print(object);
}

absl::Status Export(const Context& context, const Arguments& arguments) {
  const auto timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  CallOptions options;
  options.timeout = *timeout;
  options.keyspace = arguments.keyspace;
  const ScanRange range = RangeOf(arguments.range);
  Progress progress(&std::cerr, context.err_is_terminal, "records exported", 0, NowUs());
  uint64_t count = 0;
  Scanner scanner(client->get(), range, options);
  while (RangeHasKeys(range) && scanner.Next()) {
    std::cout << RecordJson(scanner.record(), !arguments.no_revision).dump() << '\n';
    if (!std::cout) break;
    progress.Update(++count, NowUs());
  }
  if (!scanner.status().ok()) return scanner.status();
  const absl::Status printed = context.Print(std::string());
  if (printed.ok()) progress.Finish(count, NowUs());
  return printed;
}

}  // namespace

void AddTransferCommands(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* what) {
    return AddCommandInKeyspace(app, name, what, &arguments->keyspace);
  };

  CLI::App* in = add("import", "put every record of a file of JSON lines, as export writes them");
  in->add_option("FILE", arguments->file, "file; - for standard input")->required();
  in->callback(
      [context, arguments] { context->command = [=] { return Import(*context, *arguments); }; });

  CLI::App* out =
      add("export", "print every record as a line of JSON, in the order of the keys' bytes");
  AddRangeFlags(out, &arguments->range);
  out->add_flag("--no-revision", arguments->no_revision,
                "leave revisions out: equal data give equal bytes");
  out->callback(
      [context, arguments] { context->command = [=] { return Export(*context, *arguments); }; });
}

}  // namespace baton::cli
