// PeerCaller: the two questions a formation asks of another node. A seam, so that formation is
// tested without a network. Blocks; called on the formation thread alone.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/rpc/formation_host.h"

namespace baton::server {

class PeerCaller {
 public:
  virtual ~PeerCaller() = default;
  // Errors: UNAVAILABLE, with the address; FAILED_PRECONDITION for a node of another wire version.
  virtual absl::StatusOr<NodeCard> Identify(const std::string& address, int64_t timeout_us) = 0;
  // OK once `record` is on the disk of the node at `address`. Errors: UNAVAILABLE;
  // FAILED_PRECONDITION when the node refuses, with its reason.
  virtual absl::Status Join(const std::string& address, const FormationRecord& record,
                            int64_t timeout_us) = 0;
};

class GrpcPeerCaller final : public PeerCaller {
 public:
  absl::StatusOr<NodeCard> Identify(const std::string& address, int64_t timeout_us) override;
  absl::Status Join(const std::string& address, const FormationRecord& record,
                    int64_t timeout_us) override;
};

}  // namespace baton::server
