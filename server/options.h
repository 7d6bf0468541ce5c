// Options of batond: from a TOML file, the environment and flags; a flag wins over the
// environment, the environment over the file.
//
// Every option is one row of a table in options.cc: its place in the file (node.name), its
// variable (BATOND_NAME) and its flag (--name). docs/operations.md lists them. One thread, at
// start; Options is a value.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace baton::server {

struct Options {
  std::string name;
  std::string data_dir;  // absolute
  std::string client_address = "127.0.0.1:7400";
  std::string peer_address;  // empty: the client address, one listener for both
  std::string http_address;  // empty: no HTTP port

  std::string log_level = "info";      // trace debug info warn error
  std::string log_format = "console";  // console | json

  uint64_t segment_bytes = 64 << 20;
  uint64_t disk_reserve_bytes = 256 << 20;
  uint64_t log_retention_bytes = 1 << 30;
  uint64_t snapshot_bytes_per_second = 64 << 20;
  uint64_t block_cache_bytes = 32 << 20;
  uint64_t queue_calls_max = 16'384;

  bool lease_reads = true;  // false: every linearizable read takes a quorum round
  uint64_t stall_ms = 0;    // 0: what the profile of the cluster has

  bool barred = false;    // leads only if nobody else can
  uint64_t region = 0;    // the smaller is preferred as leader,
  uint64_t priority = 0;  // then this

  bool fault_injection = false;  // by flag alone; only with addresses on loopback
};

enum class Mode { kServe, kCheckConfig, kPrintConfig, kVersion, kHelp };

struct CommandLine {
  Mode mode = Mode::kServe;
  Options options;
  std::string config_file;                     // empty: none
  std::map<std::string, std::string> origins;  // option ("node.name") -> "flag --name", ...
  std::string help;                            // for kHelp
};

// `environment` finds a variable; nullptr: not set. Errors: INVALID_ARGUMENT with what to change,
// and FILE:LINE:COLUMN for what stands in the file.
absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& args,
    const std::function<const char*(const std::string&)>& environment);

// The options as a TOML file, each with where it came from.
std::string PrintConfig(const CommandLine& command_line);

// Rereads what a running process can change: the log level. For SIGHUP.
absl::StatusOr<std::string> ReloadLogLevel(const CommandLine& command_line);

}  // namespace baton::server
