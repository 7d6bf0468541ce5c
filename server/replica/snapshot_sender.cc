#include "server/replica/snapshot_sender.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/checksum.h"

namespace baton::server {

void SnapshotSender::Begin(const consensus::SendSnapshot& send, Slot applied) {
  const int64_t now_us = parts_.clock->LeaseNowUs();
  if (now_us < rest_until_us_) {
    failed_.push_back(send.to);
    return;
  }
  receivers_[send.to] = Receiver{.ballot = send.ballot, .heard_us = now_us};
  if (image_ == Image::kNone) MakeImage(applied);
}

void SnapshotSender::MakeImage(Slot applied) {
  image_ = Image::kMaking;
  snapshot_ = ++last_snapshot_;
  parts_.keep_log_above(applied);
  const bool posted = parts_.worker->Post([engine = parts_.engine, directory = parts_.directory,
                                           made = parts_.made, snapshot = snapshot_] {
    ImageMade result{.snapshot = snapshot};
    result.status = engine->RemoveImage(directory);
    if (result.status.ok()) {
      const absl::StatusOr<Slot> slot = engine->Checkpoint(directory);
      result.status = slot.status();
      if (slot.ok()) result.applied = *slot;
    }
    if (result.status.ok()) {
      auto reader = engine->OpenImage(directory);
      result.status = reader.status();
      if (reader.ok()) result.reader = *std::move(reader);
    }
    made(std::move(result));
  });
  if (!posted) FailAll();
}

void SnapshotSender::On(const ImageMade& made, const consensus::Replica& core) {
  if (made.snapshot != snapshot_ || image_ != Image::kMaking) return;
  if (!made.status.ok()) {
    spdlog::warn("cannot make a snapshot for a peer: {}", std::string(made.status.message()));
    FailAll();
    return;
  }
  image_ = Image::kReady;
  reader_ = made.reader;
  last_ = core.log().IdAt(made.applied);
  // Chosen, whether or not the image reaches to it: the receiver may go by it at once.
  configuration_ = core.configurations().all().front();
}

// All wait for an image that cannot be had.
void SnapshotSender::FailAll() {
  for (const auto& [node, receiver] : receivers_) failed_.push_back(node);
  receivers_.clear();
  rest_until_us_ = parts_.clock->LeaseNowUs() + kRestAfterErrorUs;
  DropImage();
}

void SnapshotSender::On(const PieceRead& read) {
  reading_ = false;
  const auto found = receivers_.find(read.to);
  if (read.snapshot != snapshot_ || found == receivers_.end()) return;
  if (!read.status.ok()) {
    spdlog::warn("cannot read a snapshot: {}", std::string(read.status.message()));
    FailAll();
    return;
  }
  if (found->second.sent != read.position) return;  // it has pulled from elsewhere meanwhile
  found->second.sent += read.bytes->size();
  parts_.metrics->snapshot_bytes_sent.Add(read.bytes->size());
  parts_.transport->Send({.from = parts_.self,
                          .to = read.to,
                          .body = consensus::SnapshotChunk{snapshot_, read.position,
                                                           Checksum(*read.bytes), read.bytes}});
}

void SnapshotSender::OnPull(NodeId from, const consensus::SnapshotPull& pull) {
  const auto found = receivers_.find(from);
  if (found == receivers_.end() || pull.snapshot != snapshot_ || image_ != Image::kReady) return;
  Receiver& receiver = found->second;
  receiver.heard_us = parts_.clock->LeaseNowUs();
  if (pull.done) {
    receivers_.erase(found);
    failed_.push_back(from);
    return;
  }
  if (pull.position > reader_->bytes()) return;
  const uint64_t window = std::min<uint64_t>(pull.window_bytes, kWindowBytesMax);
  receiver.sent = pull.again ? pull.position : std::max(receiver.sent, pull.position);
  receiver.window_end =
      std::max(receiver.window_end, std::min(pull.position + window, reader_->bytes()));
}

void SnapshotSender::EndReign() {
  receivers_.clear();
  failed_.clear();
  DropImage();
}

void SnapshotSender::DropImage() {
  if (image_ == Image::kNone) return;
  image_ = Image::kNone;
  reader_.reset();
  parts_.keep_log_above(kSlotNone);
  // One that is being made is removed behind it, in the worker's order.
  parts_.worker->Post([engine = parts_.engine, directory = parts_.directory] {
    if (absl::Status s = engine->RemoveImage(directory); !s.ok()) {
      spdlog::warn("{}", std::string(s.message()));
    }
  });
}

std::vector<NodeId> SnapshotSender::RunDue(const consensus::Replica& core) {
  const int64_t now_us = parts_.clock->LeaseNowUs();
  std::vector<NodeId> ended = std::exchange(failed_, {});
  for (auto at = receivers_.begin(); at != receivers_.end();) {
    auto& [node, receiver] = *at;
    const bool there = image_ == Image::kReady && core.MatchOf(node) >= last_.slot;
    const bool silent = receiver.heard_us + kSilentUsMax <= now_us;
    if (there || silent) {
      if (there) parts_.metrics->snapshots_sent.Add();
      ended.push_back(node);
      at = receivers_.erase(at);
      continue;
    }
    const int64_t quiet_since_us = std::max(receiver.heard_us, receiver.offered_us);
    const bool offer = receiver.offered_us == 0 || quiet_since_us + kOfferAgainUs <= now_us;
    if (image_ == Image::kReady && offer) Offer(node, &receiver, now_us);
    ++at;
  }
  if (receivers_.empty()) {
    DropImage();
  } else {
    ReadNext(now_us);
  }
  return ended;
}

void SnapshotSender::Offer(NodeId to, Receiver* receiver, int64_t now_us) {
  receiver->offered_us = now_us;
  parts_.transport->Send({.from = parts_.self,
                          .to = to,
                          .body = consensus::SnapshotOffer{receiver->ballot, snapshot_, last_,
                                                           configuration_, reader_->bytes()}});
}

bool SnapshotSender::Due(const Receiver& receiver) const {
  return receiver.sent < receiver.window_end;
}

// In turns, at the bounded rate, one piece at a time.
void SnapshotSender::ReadNext(int64_t now_us) {
  if (image_ != Image::kReady || reading_ || now_us < next_piece_us_) return;
  auto next = std::find_if(receivers_.upper_bound(served_), receivers_.end(),
                           [&](const auto& each) { return Due(each.second); });
  if (next == receivers_.end()) {
    next = std::find_if(receivers_.begin(), receivers_.end(),
                        [&](const auto& each) { return Due(each.second); });
  }
  if (next == receivers_.end()) return;
  served_ = next->first;
  const Receiver& receiver = next->second;
  const size_t size = std::min<uint64_t>(kPieceBytes, receiver.window_end - receiver.sent);
  reading_ = parts_.worker->Post(
      [reader = reader_, read = parts_.read, size,
       piece =
           PieceRead{.snapshot = snapshot_, .to = served_, .position = receiver.sent}]() mutable {
        absl::StatusOr<std::string> bytes = reader->Read(piece.position, size);
        piece.status = bytes.status();
        if (bytes.ok()) piece.bytes = std::make_shared<const std::string>(*std::move(bytes));
        read(std::move(piece));
      });
  const auto pause_us = static_cast<int64_t>(size * 1'000'000 / bytes_per_second_);
  next_piece_us_ = std::max(next_piece_us_, now_us - pause_us) + pause_us;
}

int64_t SnapshotSender::NextDeadlineUs() const {
  if (!failed_.empty()) return 0;
  int64_t next_us = kNever;
  for (const auto& [node, receiver] : receivers_) {
    next_us = std::min(next_us, receiver.heard_us + kSilentUsMax);
    if (image_ != Image::kReady) continue;
    const int64_t quiet_since_us = std::max(receiver.heard_us, receiver.offered_us);
    next_us = std::min(next_us, receiver.offered_us == 0 ? 0 : quiet_since_us + kOfferAgainUs);
    if (Due(receiver) && !reading_) next_us = std::min(next_us, next_piece_us_);
  }
  return next_us;
}

}  // namespace baton::server
