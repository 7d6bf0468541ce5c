// Times as people read them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace baton::cli {

// Since 1970, in UTC, to the millisecond: 2026-11-27T08:15:30.250Z.
inline std::string UtcText(int64_t wall_time_us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMicros(wall_time_us),
                          absl::UTCTimeZone());
}

}  // namespace baton::cli
