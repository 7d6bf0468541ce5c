// Peer messages in gRPC byte buffers: one buffer holds one frame or several (peer.proto).
//
// Large entries travel as reference-counted slices that share the entry's bytes.
// Functions, any thread.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <vector>

#include "absl/status/statusor.h"
#include "server/codec/peer_codec.h"

namespace baton::server {

inline constexpr size_t kFrameCopyBytesMax = 1024;  // smaller entries are copied, not shared

grpc::ByteBuffer JoinFrames(const std::vector<FramedMessage>& frames);

// The messages of a buffer, in order. Errors: as ParseFrames.
absl::StatusOr<std::vector<PeerMessage>> SplitFrames(const grpc::ByteBuffer& buffer);

}  // namespace baton::server
