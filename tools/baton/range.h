// The range of keys that scan and export are about, and records as JSON.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "baton/results.h"
#include "tools/baton/bytes.h"

namespace CLI {
class App;
}

namespace baton::cli {

struct RangeFlags {
  std::string prefix;
  std::string begin;  // first key
  std::string end;    // first key that is not in it; empty: none
  bool reverse = false;
  uint64_t limit = 0;  // 0: none
};

void AddRangeFlags(CLI::App* command, RangeFlags* flags);

// The keys that start with the prefix and lie in [begin, end), as one range without a prefix.
ScanRange RangeOf(const RangeFlags& flags);

// False when no key can lie in [begin, end).
bool RangeHasKeys(const ScanRange& range);

// {"key":…,"value":…,"revision":…}
Json RecordJson(const Record& record, bool with_revision);

}  // namespace baton::cli
