#include "tools/baton/suggest.h"

#include <algorithm>

namespace baton::cli {
namespace {

// Optimal string alignment distance: the edits of Damerau and Levenshtein, each place once.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> edits(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) edits[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) edits[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      edits[i][j] = std::min(
          {edits[i - 1][j] + 1, edits[i][j - 1] + 1, edits[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
      }
    }
  }
  return edits[a.size()][b.size()];
}

}  // namespace

std::string Nearest(std::string_view typed, const std::vector<std::string>& words) {
  constexpr size_t kTypedMax = 64;  // longer words are no typing mistakes
  if (typed.empty() || typed.size() > kTypedMax) return "";
  std::string nearest;
  size_t fewest = 0;
  for (const std::string& word : words) {
    const bool begun = typed.size() >= 2 && word.substr(0, typed.size()) == typed;
    const size_t edits = begun ? 1 : Edits(typed, word);
    if (edits > std::max<size_t>(1, word.size() / 3)) continue;
    if (nearest.empty() || edits < fewest) {
      nearest = word;
      fewest = edits;
    }
  }
  return nearest;
}

}  // namespace baton::cli
