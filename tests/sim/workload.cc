#include "tests/sim/workload.h"

#include <algorithm>

#include "base/check.h"
#include "tests/sim/async_workload.h"
#include "tests/sim/handover_workload.h"
#include "tests/sim/membership_workload.h"
#include "tests/sim/register_workload.h"
#include "tests/sim/session_workload.h"

namespace baton::sim {
namespace {

template <class Kind>
std::unique_ptr<Workload> Make(Cluster* cluster) {
  return std::make_unique<Kind>(cluster);
}

}  // namespace

const std::vector<WorkloadKind>& AllWorkloads() {
  static const std::vector<WorkloadKind> all = {
      {"register", Make<RegisterWorkload>},  {"membership", Make<MembershipWorkload>},
      {"sessions", Make<SessionWorkload>},   {"async", Make<AsyncWorkload>},
      {"handovers", Make<HandoverWorkload>},
  };
  return all;
}

std::vector<std::unique_ptr<Workload>> MakeWorkloads(Cluster* cluster) {
  std::vector<std::unique_ptr<Workload>> workloads;
  for (const std::string& name : cluster->plan().workloads) {
    const auto found = std::find_if(AllWorkloads().begin(), AllWorkloads().end(),
                                    [&](const WorkloadKind& kind) { return kind.name == name; });
    BATON_CHECK(found != AllWorkloads().end()) << "no workload " << name;
    workloads.push_back(found->make(cluster));
  }
  return workloads;
}

}  // namespace baton::sim
