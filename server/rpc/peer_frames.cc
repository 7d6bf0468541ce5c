#include "server/rpc/peer_frames.h"

#include <grpcpp/support/slice.h>

#include <memory>
#include <string>
#include <string_view>

namespace baton::server {
namespace {

using SharedBytes = std::shared_ptr<const std::string>;

grpc::Slice ShareBytes(const SharedBytes& bytes) {
  auto* held = new SharedBytes(bytes);
  return grpc::Slice(
      const_cast<char*>(bytes->data()), bytes->size(),
      [](void* user_data) { delete static_cast<SharedBytes*>(user_data); }, held);
}

}  // namespace

grpc::ByteBuffer JoinFrames(const std::vector<FramedMessage>& frames) {
  std::vector<grpc::Slice> slices;
  std::string copied;
  const auto close_copied = [&] {
    if (copied.empty()) return;
    slices.emplace_back(copied);
    copied.clear();
  };
  for (const FramedMessage& frame : frames) {
    copied += frame.head;
    for (const SharedBytes& entry : frame.entries) {
      if (entry->size() <= kFrameCopyBytesMax) {
        copied += *entry;
        continue;
      }
      close_copied();
      slices.push_back(ShareBytes(entry));
    }
  }
  close_copied();
  return grpc::ByteBuffer(slices.data(), slices.size());
}

absl::StatusOr<std::vector<PeerMessage>> SplitFrames(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return absl::InvalidArgumentError("an unreadable buffer");
  std::vector<std::string_view> pieces;
  pieces.reserve(slices.size());
  for (const grpc::Slice& slice : slices) {
    pieces.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return ParseFrames(pieces);
}

}  // namespace baton::server
