// Peer messages as frames: fixed32 length of the rest of the frame, fixed32 length of the
// PeerHeader, the PeerHeader, then the raw bytes of the entries it counts
// (proto/baton/peer/v1/peer.proto). What a stream delivers at once holds one frame or several.
//
// Entry bytes never pass through protobuf: framing gives pieces that share them, so that a
// transport can send one buffer to every peer. Parsing copies each entry out of the received
// slices once and verifies its hash once. Whatever arrives, parsing answers with a Status.
// Functions, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "baton/peer/v1/peer.pb.h"
#include "consensus/message.h"

namespace baton::server {

inline constexpr uint32_t kWireVersion = 1;
inline constexpr uint64_t kPeerHeaderBytesMax = 1 << 20;
inline constexpr uint64_t kPeerFrameBytesMax = 64 << 20;

// The pieces of one frame, in the order they go out.
struct FramedMessage {
  std::string head;  // lengths and PeerHeader
  std::vector<std::shared_ptr<const std::string>> entries;
  uint64_t size() const;
};

FramedMessage FrameMessage(const consensus::Message& message);
// A stream's first message. `from` and `to` are read from the Hello.
FramedMessage FrameHello(const peer::v1::Hello& hello);

using PeerMessage = std::variant<peer::v1::Hello, consensus::Message>;

// `slices` are the pieces of one delivery, in order, cut anywhere: whole frames, at least one. The
// entries of an Accept or a matched Fetched follow its `prev` without a gap. Errors:
// INVALID_ARGUMENT (not a message), DATA_LOSS (an entry is damaged), FAILED_PRECONDITION (an entry
// of a newer version).
absl::StatusOr<std::vector<PeerMessage>> ParseFrames(absl::Span<const std::string_view> slices);

}  // namespace baton::server
