#include "server/options.h"

#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>
#include <variant>

#include "server/addresses.h"

namespace baton::server {
namespace {

using Field = std::variant<std::string Options::*, uint64_t Options::*, bool Options::*>;

struct Setting {
  const char* section;
  const char* key;
  const char* flag;
  Field field;
  const char* help;
  uint64_t min = 0;  // numbers
  uint64_t max = 0;
  std::vector<const char*> choices = {};  // texts; empty: any

  std::string path() const { return std::string(section) + "." + key; }
  std::string variable() const {
    std::string name = "BATOND_" + std::string(flag).substr(2);
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(toupper(c));
    return name;
  }
};

const std::vector<Setting>& Settings() {
  static const std::vector<Setting>* const settings = new std::vector<Setting>{
      {"node", "name", "--name", &Options::name, "name of this node, as in the cluster's plan"},
      {"node", "data_dir", "--data-dir", &Options::data_dir, "directory that this node owns"},
      {"node", "client_address", "--client-address", &Options::client_address,
       "HOST:PORT for clients, as others reach it"},
      {"node", "peer_address", "--peer-address", &Options::peer_address,
       "HOST:PORT for the other nodes; the client address when not given"},
      {"node", "http_address", "--http-address", &Options::http_address,
       "HOST:PORT for metrics and health; no HTTP when not given"},
      {"log",
       "level",
       "--log-level",
       &Options::log_level,
       "trace, debug, info, warn or error",
       0,
       0,
       {"trace", "debug", "info", "warn", "error"}},
      {"log",
       "format",
       "--log-format",
       &Options::log_format,
       "console or json",
       0,
       0,
       {"console", "json"}},
      {"wal", "segment_bytes", "--segment-bytes", &Options::segment_bytes,
       "size of a log segment; fixed once the directory has a log", 1 << 20, 1 << 30},
      {"replica", "lease_reads", "--lease-reads", &Options::lease_reads,
       "whether a leader answers reads by its lease; false where a guest's clock can stop"},
      {"replica", "stall_ms", "--stall-ms", &Options::stall_ms,
       "a leader whose disk completes no write for so long stops leading; 0: as the profile has it",
       0, 60'000},
      {"election", "barred", "--barred", &Options::barred,
       "whether this node leads only if nobody else can"},
      {"election", "region", "--region", &Options::region,
       "how far from where leaders are wanted: the smaller is preferred", 0, 255},
      {"election", "priority", "--priority", &Options::priority,
       "among equals of one region the smaller is preferred as leader", 0, 255},
      {"limits", "disk_reserve_bytes", "--disk-reserve-bytes", &Options::disk_reserve_bytes,
       "with less free on the disk, writes are refused", 0, uint64_t{1} << 40},
      {"limits", "log_retention_bytes", "--log-retention-bytes", &Options::log_retention_bytes,
       "of log kept for members that are behind; one further behind gets a snapshot", 1 << 20,
       uint64_t{1} << 40},
      {"limits", "snapshot_bytes_per_second", "--snapshot-bytes-per-second",
       &Options::snapshot_bytes_per_second, "sent to members that need a snapshot, by a leader",
       1 << 16, uint64_t{1} << 40},
      {"limits", "block_cache_bytes", "--block-cache-bytes", &Options::block_cache_bytes,
       "memory for blocks of the state read from disk", 1 << 20, uint64_t{1} << 40},
      {"limits", "queue_calls_max", "--queue-calls-max", &Options::queue_calls_max,
       "requests that wait to be ordered; more are refused", 1, 1 << 20},
  };
  return *settings;
}

absl::Status Invalid(const std::string& text) { return absl::InvalidArgumentError(text); }

// Sets one option. Returns what is wrong with the value; empty: nothing.
std::string Assign(const Setting& setting, const std::string& value, Options* options) {
  if (const auto* text = std::get_if<std::string Options::*>(&setting.field)) {
    const auto& choices = setting.choices;
    if (!choices.empty() &&
        std::none_of(choices.begin(), choices.end(), [&](const char* c) { return value == c; })) {
      return "\"" + value + "\" is not one of: " + setting.help;
    }
    options->*(*text) = value;
    return "";
  }
  if (const auto* truth = std::get_if<bool Options::*>(&setting.field)) {
    if (value != "true" && value != "false") return "\"" + value + "\" is not true or false";
    options->*(*truth) = value == "true";
    return "";
  }
  const bool digits =
      !value.empty() && value.size() <= 19 &&
      std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  const uint64_t number = digits ? std::stoull(value) : 0;
  if (!digits || number < setting.min || number > setting.max) {
    return "\"" + value + "\" is not a number from " + std::to_string(setting.min) + " to " +
           std::to_string(setting.max);
  }
  options->*(std::get<uint64_t Options::*>(setting.field)) = number;
  return "";
}

const Setting* FindSetting(std::string_view section, std::string_view key) {
  for (const Setting& setting : Settings()) {
    if (section == setting.section && key == setting.key) return &setting;
  }
  return nullptr;
}

std::string KeysOf(std::string_view section) {
  std::string keys;
  for (const Setting& setting : Settings()) {
    if (section == setting.section) keys += (keys.empty() ? "" : ", ") + std::string(setting.key);
  }
  return keys;
}

std::string Sections() {
  std::string sections;
  const char* last = "";
  for (const Setting& setting : Settings()) {
    if (std::string_view(last) == setting.section) continue;
    sections += (sections.empty() ? "" : ", ") + std::string(setting.section);
    last = setting.section;
  }
  return sections;
}

// The node's value as text; nullopt: it is of another type than the setting.
std::optional<std::string> TextOf(const Setting& setting, const toml::node& node) {
  if (std::holds_alternative<std::string Options::*>(setting.field) && node.is_string()) {
    return node.as_string()->get();
  }
  if (std::holds_alternative<uint64_t Options::*>(setting.field) && node.is_integer()) {
    return std::to_string(node.as_integer()->get());
  }
  if (std::holds_alternative<bool Options::*>(setting.field) && node.is_boolean()) {
    return node.as_boolean()->get() ? "true" : "false";
  }
  return std::nullopt;
}

const char* TypeOf(const Setting& setting) {
  if (std::holds_alternative<std::string Options::*>(setting.field)) return "a text in quotes";
  if (std::holds_alternative<bool Options::*>(setting.field)) return "true or false";
  return "a whole number";
}

// Reads a TOML file into the options.
class FileReader {
 public:
  FileReader(std::string file, CommandLine* to) : file_(std::move(file)), to_(to) {}

  absl::Status Read() {
    if (std::filesystem::is_directory(file_)) return Invalid(file_ + ": is a directory");
    toml::table root;
    try {
      root = toml::parse_file(file_);
    } catch (const toml::parse_error& error) {
      if (error.source().begin.line == 0) {
        return Invalid(file_ + ": " + std::string(error.description()));
      }
      return At(error.source().begin, std::string(error.description()));
    }
    for (const auto& [section, node] : root) {
      if (KeysOf(section.str()).empty()) {
        return At(section.source().begin,
                  "unknown section [" + std::string(section.str()) + "]: there are " + Sections());
      }
      if (!node.is_table()) {
        return At(node.source().begin, std::string(section.str()) + " must be a section: [" +
                                           std::string(section.str()) + "]");
      }
      if (absl::Status status = ReadSection(section.str(), *node.as_table()); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status At(const toml::source_position& where, const std::string& text) const {
    return Invalid(file_ + ":" + std::to_string(where.line) + ":" + std::to_string(where.column) +
                   ": " + text);
  }

  absl::Status ReadSection(std::string_view section, const toml::table& table) {
    for (const auto& [key, node] : table) {
      const Setting* setting = FindSetting(section, key.str());
      if (setting == nullptr) {
        return At(key.source().begin, "unknown key " + std::string(section) + "." +
                                          std::string(key.str()) + ": [" + std::string(section) +
                                          "] has " + KeysOf(section));
      }
      const std::optional<std::string> value = TextOf(*setting, node);
      if (!value) {
        return At(node.source().begin, setting->path() + " must be " + TypeOf(*setting));
      }
      if (const std::string wrong = Assign(*setting, *value, &to_->options); !wrong.empty()) {
        return At(node.source().begin, setting->path() + ": " + wrong);
      }
      to_->origins[setting->path()] = file_ + ":" + std::to_string(key.source().begin.line);
    }
    return absl::OkStatus();
  }

  const std::string file_;
  CommandLine* const to_;
};

// What no single option can know.
absl::Status CheckTogether(Options* options) {
  const auto fail = [](const char* path, const std::string& text) {
    return Invalid(std::string(path) + ": " + text);
  };
  if (options->name.empty()) {
    return fail("node.name", "every node needs a name: give --name, BATOND_NAME or the file's key");
  }
  if (const std::string wrong = NameProblem(options->name); !wrong.empty()) {
    return fail("node.name", wrong);
  }
  if (options->data_dir.empty()) {
    return fail("node.data_dir", "a node needs a directory of its own: give --data-dir");
  }
  options->data_dir = std::filesystem::absolute(options->data_dir).lexically_normal().string();
  if (options->peer_address.empty()) options->peer_address = options->client_address;
  const std::pair<const char*, const std::string*> addresses[] = {
      {"node.client_address", &options->client_address},
      {"node.peer_address", &options->peer_address},
      {"node.http_address", &options->http_address}};
  for (const auto& [path, address] : addresses) {
    if (address->empty() && address == &options->http_address) continue;
    if (const std::string wrong = AddressProblem(*address); !wrong.empty())
      return fail(path, wrong);
    if (options->fault_injection && !IsLoopback(*address)) {
      return Invalid("--fault-injection is for nodes on loopback alone: " + std::string(path) +
                     " is " + *address);
    }
  }
  if (options->http_address == options->client_address ||
      options->http_address == options->peer_address) {
    return fail("node.http_address", "must differ from the client and the peer address");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& args,
    const std::function<const char*(const std::string&)>& environment) {
  CommandLine line;
  CLI::App app{"batond: a node of a Baton cluster", "batond"};
  bool check = false;
  bool print = false;
  bool version = false;
  app.add_option("--config", line.config_file, "TOML file; BATOND_CONFIG when not given");
  app.add_flag("--check-config", check, "say whether the configuration is good, and exit");
  app.add_flag("--print-config", print, "print the configuration and where it came from, and exit");
  app.add_flag("--version", version, "print versions and exit");
  app.add_flag("--fault-injection", line.options.fault_injection,
               "break disk and network when told to, at fault.sock in the data directory; only on "
               "loopback");
  std::map<std::string, std::string> flags;
  for (const Setting& setting : Settings()) {
    app.add_option(setting.flag, flags[setting.path()],
                   std::string(setting.help) + " (" + setting.variable() + ")");
  }
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    line.mode = Mode::kHelp;
    line.help = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    return Invalid(std::string(error.what()) + " (batond --help lists the flags)");
  }
  if (version) {
    line.mode = Mode::kVersion;
    return line;
  }
  if (check) line.mode = Mode::kCheckConfig;
  if (print) line.mode = Mode::kPrintConfig;

  if (line.config_file.empty()) {
    if (const char* file = environment("BATOND_CONFIG")) line.config_file = file;
  }
  if (!line.config_file.empty()) {
    if (absl::Status status = FileReader(line.config_file, &line).Read(); !status.ok()) {
      return status;
    }
  }
  for (const Setting& setting : Settings()) {
    std::optional<std::pair<std::string, std::string>> given;  // origin, value
    if (const char* value = environment(setting.variable())) given = {setting.variable(), value};
    if (app.count(setting.flag) > 0) given = {setting.flag, flags[setting.path()]};
    if (!given) continue;
    const std::string wrong = Assign(setting, given->second, &line.options);
    if (!wrong.empty()) return Invalid(given->first + ": " + wrong);
    line.origins[setting.path()] = given->first;
  }
  if (absl::Status status = CheckTogether(&line.options); !status.ok()) return status;
  return line;
}

std::string PrintConfig(const CommandLine& command_line) {
  std::ostringstream out;
  std::string section;
  for (const Setting& setting : Settings()) {
    if (section != setting.section) {
      out << (section.empty() ? "" : "\n") << "[" << setting.section << "]\n";
      section = setting.section;
    }
    out << setting.key << " = ";
    if (const auto* text = std::get_if<std::string Options::*>(&setting.field)) {
      out << toml::value<std::string>(command_line.options.*(*text));
    } else if (const auto* truth = std::get_if<bool Options::*>(&setting.field)) {
      out << (command_line.options.*(*truth) ? "true" : "false");
    } else {
      out << command_line.options.*(std::get<uint64_t Options::*>(setting.field));
    }
    const auto origin = command_line.origins.find(setting.path());
    out << "  # " << (origin == command_line.origins.end() ? "default" : origin->second) << "\n";
  }
  return out.str();
}

absl::StatusOr<std::string> ReloadLogLevel(const CommandLine& command_line) {
  const auto origin = command_line.origins.find("log.level");
  const bool from_file = origin == command_line.origins.end() ||
                         origin->second.rfind(command_line.config_file + ":", 0) == 0;
  if (command_line.config_file.empty() || !from_file) return command_line.options.log_level;
  CommandLine reread;
  if (absl::Status status = FileReader(command_line.config_file, &reread).Read(); !status.ok()) {
    return status;
  }
  return reread.options.log_level;
}

}  // namespace baton::server
