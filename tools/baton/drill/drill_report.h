// Reports of drills: kept beside the cluster, as JSON for programs and as Markdown for people.
//
//   DIR/drills/ID.json   DIR/drills/ID.md
//
// Functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/baton/bytes.h"
#include "tools/baton/drill/drill.h"

namespace baton::cli {

Json DrillJson(const DrillReport& report);
// With the timeline drawn: writes acknowledged per tick, and what happened below it.
std::string DrillMarkdown(const DrillReport& report);
// One column a tick, of eight heights; a dot: nothing was acknowledged.
std::string DrawTimeline(const std::vector<uint32_t>& writes_each);

absl::Status KeepReport(const std::string& directory, const DrillReport& report);
// Ids of those kept, by age.
std::vector<std::string> KeptReports(const std::string& directory);
// The file of one, as it was kept; an empty id: the newest. NOT_FOUND: there is none.
absl::StatusOr<std::string> ReadReport(const std::string& directory, const std::string& id,
                                       bool as_json);

}  // namespace baton::cli
