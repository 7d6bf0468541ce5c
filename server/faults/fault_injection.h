// FaultInjection: what `batond --fault-injection` adds to a node: a disk and a network that break
// when told to, and the socket at which they are told.
//
//   auto faults = FaultInjection::Start(data_directory, &fs, transport, &clock, peers);
//   ReplicaNode::Start(options, (*faults)->file_system(), engine, (*faults)->transport(), ...);
//
// Owner: the composition root; outlives the node that is given its two seams. Stop before the node
// is stopped, which a stalled disk would hold up; afterwards the real transport may go.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/faults/fault_commands.h"
#include "server/faults/fault_socket.h"
#include "server/faults/faulty_file_system.h"
#include "server/faults/faulty_transport.h"

namespace baton::server {

class FaultInjection {
 public:
  static constexpr char kSocketName[] = "fault.sock";  // in the data directory

  // `peers` gives the other members, on any thread. Errors: those of FaultSocket::Open.
  static absl::StatusOr<std::unique_ptr<FaultInjection>> Start(
      const std::string& data_directory, wal::FileSystem* fs, Transport* transport,
      const Clock* clock, std::function<std::vector<MemberInfo>()> peers);

  wal::FileSystem* file_system() { return &file_system_; }
  Transport* transport() { return &transport_; }

  // Takes no more commands; all faults are over for good. Idempotent.
  void Stop();

 private:
  FaultInjection(wal::FileSystem* fs, Transport* transport, const Clock* clock,
                 std::function<std::vector<MemberInfo>()> peers);

  FaultyFileSystem file_system_;
  FaultyTransport transport_;
  FaultCommands commands_;
  std::unique_ptr<FaultSocket> socket_;
};

}  // namespace baton::server
