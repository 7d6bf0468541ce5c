// Checks of what clients were told, once a run is over. Each answers with "" or with what is wrong.
//
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "tests/history/history.h"

namespace baton::sim {

// No acknowledged write is lost: what is found in the end was not written surely before another
// write that was acknowledged. REQUIRES: the history ends with a successful get of each key.
std::string CheckDurability(const std::vector<history::Operation>& history);

// No revision is given twice, and revisions grow as acknowledgements do: a write that began after
// another's return has a greater one.
std::string CheckRevisions(const std::vector<history::Operation>& history);

// As tests/history/linearizability.h judges. Unknown is wrong too.
std::string CheckLinearizability(const std::vector<history::Operation>& history);

}  // namespace baton::sim
