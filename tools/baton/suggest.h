// The word that was probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace baton::cli {

// The nearest of `words` to `typed` by edits (insert, delete, replace, swap of neighbours), or the
// one that it begins; empty when none is near (more than a third of the letters would change).
std::string Nearest(std::string_view typed, const std::vector<std::string>& words);

}  // namespace baton::cli
