// The body of a peer message as the header of its frame has it (proto/baton/peer/v1/peer.proto),
// and back. What travels behind the header, entries or one piece, is the frame's (peer_codec.h).
// Functions, any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "baton/peer/v1/peer.pb.h"
#include "consensus/message.h"

namespace baton::server {

// What travels behind a header: the entries of the body or one piece, or neither.
struct BehindHeader {
  const std::vector<consensus::Entry>* entries = nullptr;
  std::shared_ptr<const std::string> piece;
};
BehindHeader WriteBody(const consensus::MessageBody& body, peer::v1::PeerHeader* header);

// False for a body that this version does not know or whose values are out of range.
bool ReadBody(const peer::v1::PeerHeader& header, consensus::MessageBody* body);

}  // namespace baton::server
