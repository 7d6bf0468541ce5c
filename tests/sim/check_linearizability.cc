#include "tests/history/linearizability.h"
#include "tests/sim/check_history.h"

namespace baton::sim {

std::string CheckLinearizability(const std::vector<history::Operation>& history) {
  const history::Judgement judgement = history::CheckLinearizable(history);
  switch (judgement.verdict) {
    case history::Verdict::kLinearizable:
      return "";
    case history::Verdict::kNotLinearizable:
      return "linearizability: " + judgement.explanation;
    case history::Verdict::kUnknown:
      break;
  }
  return "linearizability: not judged: " + judgement.explanation;
}

}  // namespace baton::sim
