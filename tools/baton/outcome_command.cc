// outcome: what became of a write that nobody answered.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "tools/baton/context.h"

namespace baton::cli {
namespace {

struct Arguments {
  uint64_t session = 0;
  uint64_t sequence = 0;
};

const char* NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kApplied:
      return "applied";
    case Outcome::kNotApplied:
      return "not applied";
    case Outcome::kLost:
      return "lost";
    case Outcome::kExpired:
      break;
  }
  return "expired";
}

const char* Explanation(Outcome outcome) {
  switch (outcome) {
    case Outcome::kApplied:
      return "it took effect, once";
    case Outcome::kNotApplied:
      return "it had no effect, and never will have one";
    case Outcome::kLost:
      return "it took effect, and was lost with a leader: see baton loss show";
    case Outcome::kExpired:
      break;
  }
  return "nobody knows any more: read what it was to change";
}

absl::Status Ask(const Context& context, const Arguments& arguments) {
  const absl::StatusOr<std::chrono::milliseconds> timeout = context.Timeout(kCallTimeout);
  if (!timeout.ok()) return timeout.status();
  const auto client = context.Connect();
  if (!client.ok()) return client.status();
  CallOptions options;
  options.timeout = *timeout;
  const auto result = (*client)->GetOutcome(arguments.session, arguments.sequence, options);
  if (!result.ok()) return result.status();
  Json object;
  object["outcome"] = NameOf(result->outcome);
  if (result->revision != 0) object["revision"] = result->revision;
  if (!result->numbers.empty()) object["numbers"] = result->numbers;
  if (!result->rejection.ok()) object["rejection"] = std::string(result->rejection.message());
  if (!result->lost.empty()) object["loss"] = result->lost;
  if (context.json()) return context.Print(object);
  std::string text = std::string(NameOf(result->outcome)) + ": " + Explanation(result->outcome);
  object.erase("outcome");
  for (const auto& [name, value] : object.items()) {
    text += "\n" + name + ": " + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return context.Print(text + "\n");
}

}  // namespace

void AddOutcomeCommand(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* outcome = app->add_subcommand(
      "outcome",
      "what became of a write that was not answered; settles it: one that had no effect "
      "yet never has one");
  outcome->add_option("SESSION", arguments->session, "as the failed write named it")->required();
  outcome->add_option("NUMBER", arguments->sequence, "likewise")->required();
  outcome->callback(
      [context, arguments] { context->command = [=] { return Ask(*context, *arguments); }; });
}

}  // namespace baton::cli
