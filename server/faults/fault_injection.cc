#include "server/faults/fault_injection.h"

#include <signal.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace baton::server {
namespace {

void StopThisProcess(StopAction action) {
  raise(action == StopAction::kKill ? SIGKILL : SIGSTOP);  // this thread goes no further
}

}  // namespace

FaultInjection::FaultInjection(wal::FileSystem* fs, Transport* transport, const Clock* clock,
                               std::function<std::vector<MemberInfo>()> peers)
    : file_system_(fs, clock),
      transport_(transport, clock, StopThisProcess),
      commands_(&file_system_, &transport_, std::move(peers)) {}

absl::StatusOr<std::unique_ptr<FaultInjection>> FaultInjection::Start(
    const std::string& data_directory, wal::FileSystem* fs, Transport* transport,
    const Clock* clock, std::function<std::vector<MemberInfo>()> peers) {
  std::unique_ptr<FaultInjection> faults(
      new FaultInjection(fs, transport, clock, std::move(peers)));
  const std::string path = data_directory + "/" + kSocketName;
  auto socket = FaultSocket::Open(path, [f = faults.get()](std::string_view line) {
    spdlog::warn("fault injection: {}", std::string(line));
    return f->commands_.Run(line);
  });
  if (!socket.ok()) return socket.status();
  faults->socket_ = *std::move(socket);
  spdlog::warn("this node breaks when told to (--fault-injection), at {}", path);
  return faults;
}

void FaultInjection::Stop() {
  socket_.reset();
  file_system_.Clear();
  transport_.Close();
}

}  // namespace baton::server
