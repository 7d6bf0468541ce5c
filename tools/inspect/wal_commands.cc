#include "tools/inspect/wal_commands.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "wal/format.h"
#include "wal/posix_file_system.h"
#include "wal/recovery.h"

namespace baton::inspect {
namespace {

using nlohmann::ordered_json;

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotFound = 3;

// A node that writes meanwhile can make a log look damaged: a finding counts when it stays.
constexpr int kAttempts = 5;

bool HasSegments(wal::FileSystem* fs, const std::string& directory) {
  auto names = fs->List(directory);
  return names.ok() && std::any_of(names->begin(), names->end(), [](const std::string& name) {
           return wal::ParseSegmentFileName(name).has_value();
         });
}

// The third is a node's folder in a local cluster.
std::optional<std::string> FindLog(wal::FileSystem* fs, const std::string& directory) {
  for (const std::string& candidate : {directory, directory + "/wal", directory + "/data/wal"}) {
    if (HasSegments(fs, candidate)) return candidate;
  }
  return std::nullopt;
}

// Scans until two scans agree about damage, or there is none.
absl::StatusOr<wal::LogScan> ScanSteadily(wal::FileSystem* fs, const std::string& directory) {
  absl::StatusOr<wal::LogScan> scan = wal::ScanLog(fs, directory, nullptr);
  for (int attempt = 1; attempt < kAttempts; ++attempt) {
    if (scan.ok() && !scan->fault) break;
    auto again = wal::ScanLog(fs, directory, nullptr);
    const bool same = scan.ok() && again.ok() && again->fault && again->end == scan->end &&
                      again->fault->what == scan->fault->what;
    scan = std::move(again);
    if (same) break;
  }
  return scan;
}

void PrintFrame(const wal::Frame& frame, const Output& output) {
  const wal::FrameHeader& h = frame.header;
  const std::string type(wal::Name(wal::FrameType{h.type}));
  const bool restated = (h.flags & wal::kRestated) != 0;
  if (output.json) {
    *output.to << ordered_json{{"segment", frame.at.segment},
                               {"offset", frame.at.offset},
                               {"type", type},
                               {"restated", restated},
                               {"group", h.group.value},
                               {"slot", h.id.slot.value},
                               {"born", ToString(h.id.born)},
                               {"bytes", h.payload_bytes},
                               {"synced_segment", h.synced.segment},
                               {"synced_offset", h.synced.offset},
                               {"hash_ok", frame.payload_ok}}
                      .dump()
               << '\n';
    return;
  }
  char line[160];
  std::snprintf(line, sizeof line, "%10u %10u  %-6s %5u %12llu %14s %10u  %u:%u%s%s\n",
                frame.at.segment, frame.at.offset, type.c_str(), h.group.value,
                static_cast<unsigned long long>(h.id.slot.value), ToString(h.id.born).c_str(),
                h.payload_bytes, h.synced.segment, h.synced.offset, restated ? "  restated" : "",
                frame.payload_ok ? "" : "  HASH DOES NOT MATCH");
  *output.to << line;
}

// Says how the log ends and returns the exit code.
int PrintVerdict(const wal::LogScan& scan, const Output& output) {
  const char* result = scan.fault ? "fault" : scan.torn_bytes > 0 ? "torn" : "ok";
  if (output.json) {
    ordered_json verdict = {{"result", result},
                            {"segments", scan.used},
                            {"spare_segments", scan.segments.size() - scan.used},
                            {"end_segment", scan.end.segment},
                            {"end_offset", scan.end.offset},
                            {"torn_bytes", scan.torn_bytes}};
    verdict["groups"] = ordered_json::array();
    for (const auto& [id, group] : scan.groups) {
      verdict["groups"].push_back({{"group", id.value},
                                   {"base", group.index.base().slot.value},
                                   {"last", group.index.last().value}});
    }
    if (scan.fault) {
      verdict["fault"] = {{"group", scan.fault->group.value},
                          {"slot", scan.fault->slot.value},
                          {"what", scan.fault->what}};
    }
    *output.to << verdict.dump() << '\n';
    return scan.fault ? kFailed : kDone;
  }
  for (const auto& [id, group] : scan.groups) {
    *output.to << "group " << id.value << ": slots " << group.index.base().slot.value + 1 << " to "
               << group.index.last().value << '\n';
  }
  *output.to << scan.used << " segments and " << scan.segments.size() - scan.used
             << " spare ones; the log ends at " << ToString(scan.end) << '\n';
  if (scan.fault) {
    *output.to << "fault at slot " << scan.fault->slot.value << " of group "
               << scan.fault->group.value << ": " << scan.fault->what << '\n';
    return kFailed;
  }
  if (scan.torn_bytes > 0) {
    *output.to << "torn tail of " << scan.torn_bytes << " bytes: cut when the node starts\n";
  } else {
    *output.to << "ok\n";
  }
  return kDone;
}

int PrintError(const absl::Status& status, const Output& output) {
  *output.errors << "baton-inspect: " << std::string(status.message()) << '\n';
  return absl::IsNotFound(status) ? kNotFound : kFailed;
}

int PrintNoLog(const std::string& directory, const Output& output) {
  *output.errors << "baton-inspect: no log in " << directory << ", nor in its wal or data/wal: "
                 << "give a node's data directory\n";
  return kNotFound;
}

}  // namespace

int DumpWal(const std::string& directory, const Output& output) {
  wal::ReadOnlyPosixFileSystem fs;
  const auto log = FindLog(&fs, directory);
  if (!log) return PrintNoLog(directory, output);
  if (!output.json) {
    *output.to << "   segment     offset  type   group         slot           born      bytes  "
                  "synced\n";
  }
  const auto print = [&](const wal::Frame& frame) { PrintFrame(frame, output); };
  auto scan = wal::ScanLog(&fs, *log, nullptr, print);
  // A segment that is reused meanwhile vanishes before any frame was printed.
  for (int attempt = 1; attempt < kAttempts && absl::IsNotFound(scan.status()); ++attempt) {
    scan = wal::ScanLog(&fs, *log, nullptr, print);
  }
  if (scan.ok() && scan->fault) scan = ScanSteadily(&fs, *log);
  if (!scan.ok()) return PrintError(scan.status(), output);
  return PrintVerdict(*scan, output);
}

int VerifyWal(const std::string& directory, const Output& output) {
  wal::ReadOnlyPosixFileSystem fs;
  const auto log = FindLog(&fs, directory);
  if (!log) return PrintNoLog(directory, output);
  auto scan = ScanSteadily(&fs, *log);
  if (!scan.ok()) return PrintError(scan.status(), output);
  return PrintVerdict(*scan, output);
}

}  // namespace baton::inspect
