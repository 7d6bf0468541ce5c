// What the encodings of this folder's rows have in common. Functions, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/types.h"

namespace baton::server {

inline void PutNode(std::string* to, NodeId node) { PutVarint(to, node.value); }
inline NodeId ReadNode(Decoder* from) {
  const uint64_t node = from->ReadVarint();
  if (node > UINT32_MAX) from->Fail();
  return NodeId{static_cast<uint32_t>(node)};
}

inline void PutBallot(std::string* to, const Ballot& ballot) {
  PutVarint(to, ballot.round);
  PutNode(to, ballot.node);
}
inline Ballot ReadBallot(Decoder* from) {
  Ballot ballot;
  ballot.round = from->ReadVarint();
  ballot.node = ReadNode(from);
  return ballot;
}

inline void PutTime(std::string* to, int64_t time_us) {
  PutVarint(to, static_cast<uint64_t>(time_us));
}
inline int64_t ReadTime(Decoder* from) { return static_cast<int64_t>(from->ReadVarint()); }

// `what` with an article: "a row of members". FAILED_PRECONDITION unless `found` is `known`.
inline absl::Status CheckVersion(const char* what, uint8_t found, uint8_t known) {
  if (found == known) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(what, " has version ", found, "; this build reads version ", known,
                   ": start the build that wrote it, or a newer one"));
}

inline absl::Status Unreadable(const char* what) {
  return absl::DataLossError(absl::StrCat(what, " cannot be read"));
}

}  // namespace baton::server
