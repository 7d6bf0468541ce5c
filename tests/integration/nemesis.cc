#include "tests/integration/nemesis.h"

#include "absl/strings/str_cat.h"

namespace baton::testing {
namespace {

std::string Name(int node) { return absl::StrCat("n", node + 1); }

}  // namespace

std::chrono::milliseconds Nemesis::Between(int64_t min_ms, int64_t max_ms) {
  return std::chrono::milliseconds(std::uniform_int_distribution<int64_t>(min_ms, max_ms)(random_));
}

int Nemesis::OtherThan(int node) {
  const int step = 1 + static_cast<int>(random_() % (network_->size() - 1));
  return (node + step) % network_->size();
}

int Nemesis::Leader() {
  for (int node = 0; node < network_->size(); ++node) {
    const std::optional<NodeStatus> status = cluster_->Status(node);
    if (status && status->state == "leader") return node;
  }
  return AnyNode();
}

std::string Nemesis::Strike() {
  // Half of the strikes are at the leader: what it does is what can go wrong.
  std::string what = StrikeAt(random_() % 2 == 0 ? Leader() : AnyNode());
  if (random_() % 3 == 0) absl::StrAppend(&what, "; ", StrikeAt(AnyNode()));
  return what;
}

std::string Nemesis::StrikeAt(int node) {
  const int other = OtherThan(node);
  switch (random_() % 9) {
    case 0:
      network_->Isolate(node);
      return Name(node) + " is isolated";
    case 1:
      network_->CutBoth(node, other);
      return absl::StrCat(Name(node), " and ", Name(other), " are cut from each other");
    case 2:
      network_->Cut(node, other);
      return absl::StrCat("no packet from ", Name(node), " to ", Name(other));
    case 3:
      for (int to = 0; to < network_->size(); ++to) {
        if (to != node) network_->CutData(node, to);
      }
      return Name(node) + " hears, but is not heard";
    case 4:
      for (int from = 0; from < network_->size(); ++from) {
        if (from != node) network_->CutData(from, node);
      }
      return Name(node) + " is heard, but does not hear";
    case 5:
      network_->CutBoth(Network::kClients, node);
      return "clients do not reach " + Name(node);
    case 6:
      if (cluster_->Running(node)) cluster_->Pause(node);
      return Name(node) + " is stopped";
    case 7:
      cluster_->Kill(node);
      return Name(node) + " is killed";
    default:
      if (random_() % 4 != 0) {
        cluster_->Kill(node);
        cluster_->Kill(other);
        return absl::StrCat(Name(node), " and ", Name(other), " are killed");
      }
      for (int each = 0; each < network_->size(); ++each) cluster_->Kill(each);
      return "all are killed";
  }
}

void Nemesis::Mend() {
  network_->Heal();
  for (int node = 0; node < network_->size(); ++node) {
    if (cluster_->Running(node)) {
      cluster_->Resume(node);
    } else {
      cluster_->Start(node);
    }
  }
}

}  // namespace baton::testing
