#include "tools/baton/range.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace baton::cli {

void AddRangeFlags(CLI::App* command, RangeFlags* flags) {
  command->add_option("PREFIX", flags->prefix, "only keys that start with this");
  command->add_option("--begin", flags->begin, "first key")->type_name("KEY");
  command->add_option("--end", flags->end, "first key that is left out")->type_name("KEY");
}

ScanRange RangeOf(const RangeFlags& flags) {
  ScanRange range;
  range.reverse = flags.reverse;
  range.begin = std::max(flags.begin, flags.prefix);
  const std::string prefix_end = PrefixEnd(flags.prefix);
  range.end = flags.end.empty()    ? prefix_end
              : prefix_end.empty() ? flags.end
                                   : std::min(flags.end, prefix_end);
  return range;
}

bool RangeHasKeys(const ScanRange& range) { return range.end.empty() || range.begin < range.end; }

Json RecordJson(const Record& record, bool with_revision) {
  Json object;
  SetBytes(&object, "key", record.key);
  SetBytes(&object, "value", record.value);
  if (with_revision) object["revision"] = record.revision;
  return object;
}

}  // namespace baton::cli
