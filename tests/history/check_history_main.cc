// baton-check-history FILE...: whether histories of clients (README.md beside this file) are
// linearizable. Exit code: 0 all are, 1 one is not, 2 one could not be judged within the limits, 3
// one could not be read.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>

#include "tests/history/history.h"
#include "tests/history/linearizability.h"

namespace baton::history {
namespace {

int Check(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be opened\n", path.c_str());
    return 3;
  }
  const auto history = ReadHistory(&file);
  if (!history.ok()) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::string(history.status().message()).c_str());
    return 3;
  }
  std::set<std::string> keys;
  for (const Operation& one : *history) keys.insert(one.key);
  const Judgement judgement = CheckLinearizable(*history);
  static constexpr const char* kVerdicts[] = {"linearizable", "NOT linearizable", "unknown"};
  const int verdict = static_cast<int>(judgement.verdict);
  std::printf("%s: %s (%zu operations, %zu keys)\n%s", path.c_str(), kVerdicts[verdict],
              history->size(), keys.size(), judgement.explanation.c_str());
  return verdict;
}

}  // namespace
}  // namespace baton::history

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: baton-check-history FILE...\n");
    return 3;
  }
  bool seen[4] = {};
  for (int i = 1; i < argc; ++i) seen[baton::history::Check(argv[i])] = true;
  for (const int code : {1, 3, 2}) {  // the gravest counts
    if (seen[code]) return code;
  }
  return 0;
}
