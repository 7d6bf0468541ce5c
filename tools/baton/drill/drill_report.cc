#include "tools/baton/drill/drill_report.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/baton/times.h"

namespace baton::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr size_t kColumns = 100;  // of one line of the timeline

std::string Folder(const std::string& directory) { return directory + "/drills"; }

std::string Row(const char* what, uint64_t limit, uint64_t seen, const char* unit) {
  return absl::StrFormat("| %s | %d%s | %d%s | %s |\n", what, limit, unit, seen, unit,
                         seen <= limit ? "within" : "**exceeded**");
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return file ? absl::OkStatus() : absl::InternalError("cannot write " + path);
}

// The ticks of one line of the timeline, and what happened in it.
std::string TimelineLine(const DrillReport& report, const std::string& drawn, size_t first) {
  const int64_t tick_ms = DrillLoad::kTick.count();
  const auto from_ms = static_cast<int64_t>(first) * tick_ms;
  const int64_t to_ms = from_ms + static_cast<int64_t>(kColumns) * tick_ms;
  std::string text = absl::StrFormat("%7.1f s  %s\n", from_ms / 1000.0, drawn);
  for (const DrillEvent& event : report.events) {
    if (event.at_ms < from_ms || to_ms <= event.at_ms) continue;
    const std::string indent((event.at_ms - from_ms) / tick_ms, ' ');
    text +=
        absl::StrFormat("           %s^ %.1f s: %s\n", indent, event.at_ms / 1000.0, event.what);
  }
  return text;
}

}  // namespace

std::string DrawTimeline(const std::vector<uint32_t>& writes_each) {
  const uint32_t most =
      writes_each.empty() ? 0 : *std::max_element(writes_each.begin(), writes_each.end());
  std::string drawn;
  for (const uint32_t writes : writes_each) {
    drawn += writes == 0 ? "." : kHeights[(uint64_t{writes} * 8 - 1) / most];
  }
  return drawn;
}

Json DrillJson(const DrillReport& report) {
  Json events = Json::array();
  for (const DrillEvent& event : report.events) {
    events.push_back({{"at_ms", event.at_ms}, {"what", event.what}});
  }
  const DrillLoad::Seen& seen = report.seen;
  return {{"id", report.id},
          {"drill", report.name},
          {"what", report.what},
          {"began", UtcText(report.wall_us)},
          {"lasted_ms", report.lasted_ms},
          {"nodes", report.nodes},
          {"passed", report.failure.empty()},
          {"failure", report.failure.empty() ? Json(nullptr) : Json(report.failure)},
          {"limits",
           {{"gap_ms", report.limits.gap_ms},
            {"errors", report.limits.errors},
            {"lost", report.limits.lost},
            {"stale", 0}}},
          {"seen",
           {{"gap_ms", seen.longest_gap_ms},
            {"errors", seen.errors},
            {"first_error", seen.first_error.empty() ? Json(nullptr) : Json(seen.first_error)},
            {"lost", report.lost},
            {"stale", seen.stale},
            {"writes", seen.writes},
            {"reads", seen.reads}}},
          {"tick_ms", DrillLoad::kTick.count()},
          {"writes_each", seen.writes_each},
          {"events", std::move(events)}};
}

std::string DrillMarkdown(const DrillReport& report) {
  const DrillLoad::Seen& seen = report.seen;
  std::string text = absl::StrCat(
      "# Drill ", report.name, ": ", report.failure.empty() ? "passed" : "FAILED", "\n\n",
      report.what, "; ", report.nodes, " nodes, ", UtcText(report.wall_us), ", ", report.lasted_ms,
      " ms. ", DrillLoad::kWriters, " writers and ", DrillLoad::kReaders, " readers had ",
      seen.writes, " writes and ", seen.reads, " reads acknowledged.\n\n");
  if (!report.failure.empty()) absl::StrAppend(&text, "**", report.failure, "**\n\n");
  absl::StrAppend(&text, "| clients saw | limit | seen | |\n|---|---|---|---|\n",
                  Row("longest time without an acknowledged write", report.limits.gap_ms,
                      seen.longest_gap_ms, " ms"),
                  Row("errors", report.limits.errors, seen.errors, ""),
                  Row("acknowledged writes that are gone", report.limits.lost, report.lost, ""),
                  Row("stale reads", 0, seen.stale, ""));
  absl::StrAppend(&text, "\nWrites acknowledged, one column for ", DrillLoad::kTick.count(),
                  " ms; a dot is none:\n\n```\n");
  const std::vector<uint32_t>& each = seen.writes_each;
  for (size_t first = 0; first < each.size(); first += kColumns) {
    const auto begin = each.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end =
        each.begin() + static_cast<std::ptrdiff_t>(std::min(each.size(), first + kColumns));
    absl::StrAppend(&text, TimelineLine(report, DrawTimeline({begin, end}), first));
  }
  absl::StrAppend(&text, "```\n");
  return text;
}

absl::Status KeepReport(const std::string& directory, const DrillReport& report) {
  std::error_code error;
  fs::create_directories(Folder(directory), error);
  if (error) {
    return absl::InternalError("cannot make " + Folder(directory) + ": " + error.message());
  }
  const std::string path = Folder(directory) + "/" + report.id;
  absl::Status kept = WriteFile(path + ".md", DrillMarkdown(report));
  if (kept.ok()) kept = WriteFile(path + ".json", DrillJson(report).dump() + "\n");
  return kept;
}

std::vector<std::string> KeptReports(const std::string& directory) {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(Folder(directory), error)) {
    if (file.path().extension() == ".json") ids.push_back(file.path().stem().string());
  }
  std::sort(ids.begin(), ids.end());  // an id begins with its time
  return ids;
}

absl::StatusOr<std::string> ReadReport(const std::string& directory, const std::string& id,
                                       bool as_json) {
  const std::vector<std::string> kept = KeptReports(directory);
  if (kept.empty()) {
    return absl::NotFoundError("no drill was run here yet; see: baton drill list");
  }
  const std::string wanted = id.empty() ? kept.back() : id;
  if (std::find(kept.begin(), kept.end(), wanted) == kept.end()) {
    return absl::NotFoundError(
        absl::StrCat("no report is called \"", id, "\"; the newest is ", kept.back()));
  }
  const std::string path = Folder(directory) + "/" + wanted + (as_json ? ".json" : ".md");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!(text << file.rdbuf())) return absl::InternalError("cannot read " + path);
  return text.str();
}

}  // namespace baton::cli
