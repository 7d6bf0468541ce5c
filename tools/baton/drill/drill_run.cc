#include "tools/baton/drill/drill_run.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tools/baton/fault_client.h"
#include "tools/baton/local_settle.h"

namespace baton::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kStepTimeout{60'000};
constexpr milliseconds kProbation{200};
constexpr milliseconds kPollEvery{20};  // nodes tell nobody that they are ready: they are asked
constexpr int64_t kFaultTimeoutUs = 10'000'000;
constexpr int64_t kStopTimeoutUs = 60'000'000;

bool IsIn(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void DrillRun::Note(const std::string& what) {
  events_.push_back({load_->Elapsed().count(), what});
}

absl::Status DrillRun::WithinLimits() const {
  const DrillLoad::Seen seen = load_->seen();
  std::string passed;
  if (seen.longest_gap_ms > limits_.gap_ms) {
    passed = absl::StrCat("no write was acknowledged for ", seen.longest_gap_ms,
                          " ms; the limit is ", limits_.gap_ms, " ms");
  } else if (seen.errors > limits_.errors) {
    passed = absl::StrCat("clients were given ", seen.errors, " errors; the limit is ",
                          limits_.errors, "; the first: ", seen.first_error);
  } else if (seen.stale > 0) {
    passed = absl::StrCat(seen.stale, " reads were stale");
  }
  return passed.empty() ? absl::OkStatus() : absl::AbortedError(passed);
}

absl::Status DrillRun::Await(const std::string& what, const std::function<bool()>& done) {
  const Clock::time_point deadline = Clock::now() + kStepTimeout;
  while (!done()) {
    if (absl::Status s = WithinLimits(); !s.ok()) return s;
    if (Clock::now() >= deadline) {
      return absl::AbortedError(absl::StrCat("it took more than a minute until ", what));
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  return WithinLimits();
}

absl::StatusOr<std::string> DrillRun::AwaitSettled() {
  std::string leader;
  const absl::Status settled = Await("all nodes were well", [&] {
    const absl::StatusOr<ClusterView> view = AskLocal(*cluster_);
    if (!view.ok() || !Unsettled(*view).empty()) return false;
    leader = view->leader;
    return true;
  });
  if (!settled.ok()) return settled;
  Note("all nodes are well, " + leader + " leads");
  return leader;
}

absl::StatusOr<std::string> DrillRun::AwaitLeaderBut(const std::vector<std::string>& lost) {
  std::string leader;
  const absl::Status found = Await("another node led", [&] {
    const absl::StatusOr<ClusterView> view = AskLocal(*cluster_);
    leader = view.ok() ? view->leader : "";
    return !leader.empty() && !IsIn(leader, lost);
  });
  if (!found.ok()) return found;
  Note(leader + " leads");
  return leader;
}

absl::Status DrillRun::Kill(const std::string& node) {
  Note(node + " is killed");
  return cluster_->Kill(node);
}

absl::Status DrillRun::Pause(const std::string& node) {
  Note(node + " is paused");
  return cluster_->Pause(node);
}

absl::Status DrillRun::Restart(const std::string& node) {
  Note(node + " is told to stop");
  if (absl::Status s = cluster_->Stop(node, kStopTimeoutUs); !s.ok()) return s;
  Note(node + " starts");
  return cluster_->Start(node);
}

absl::Status DrillRun::Fault(const std::string& node, const std::string& command) {
  Note(absl::StrCat(node, ": ", command));
  return AskForFault(cluster_->FaultSocketPath(node), command, kFaultTimeoutUs).status();
}

absl::Status DrillRun::HandOver() {
  const auto admin = Admin::Connect({.endpoints = cluster_->Addresses()});
  if (!admin.ok()) return admin.status();
  HandoverOrder order;
  order.reason = "drill";
  order.probation = kProbation;
  CallOptions options;
  options.timeout = kStepTimeout;
  const absl::StatusOr<HandoverInfo> handover = (*admin)->StartHandover(order, options);
  if (!handover.ok()) return handover.status();
  Note(absl::StrCat("handover ", handover->id, ": ", HandoverStateName(handover->state())));
  if (handover->state() != HandoverState::kDone) return absl::AbortedError(handover->outcome);
  return WithinLimits();
}

absl::Status DrillRun::Hold(milliseconds time) {
  const Clock::time_point end = Clock::now() + time;
  return Await("the load had gone on", [end] { return Clock::now() >= end; });
}

absl::Status DrillRun::Mend() {
  for (const LocalNode& node : cluster_->Nodes()) {
    absl::Status mended;
    if (node.state == ProcessState::kGone) {
      Note(node.name + " starts");
      mended = cluster_->Start(node.name);
    } else if (node.state == ProcessState::kStopped) {
      Note(node.name + " goes on");
      mended = cluster_->Resume(node.name);
    }
    if (mended.ok() && node.state != ProcessState::kGone && cluster_->layout().fault_injection) {
      mended = AskForFault(cluster_->FaultSocketPath(node.name), "clear", kFaultTimeoutUs).status();
    }
    if (!mended.ok()) return mended;
  }
  return absl::OkStatus();
}

}  // namespace baton::cli
