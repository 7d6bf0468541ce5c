#include "server/replica/snapshot_sender.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/checksum.h"

namespace baton::server {

namespace {

// On the worker. What is applied is in the log: one that cannot be read there is damaged.
absl::Status Make(engine::Engine* engine, const wal::Wal* wal, const std::string& directory,
                  const std::function<void(const std::string&)>& fatal, ImageMade* made) {
  if (absl::Status s = engine->RemoveImage(directory); !s.ok()) return s;
  const absl::StatusOr<Slot> slot = engine->Checkpoint(directory);
  if (!slot.ok()) return slot.status();
  made->applied = *slot;
  auto reader = engine->OpenImage(directory);
  if (!reader.ok()) return reader.status();
  made->reader = *std::move(reader);
  auto entry = wal->Read(kFirstGroup, *slot, *slot, 1);
  if (!entry.ok()) {
    fatal("cannot read the log back: " + std::string(entry.status().message()));
    return entry.status();
  }
  made->entry = std::move(entry->front().bytes);
  return absl::OkStatus();
}

}  // namespace

void SnapshotSender::Begin(const consensus::SendSnapshot& send, Slot applied) {
  const int64_t now_us = parts_.clock->LeaseNowUs();
  const auto resting = ended_.find(send.to);
  if (resting != ended_.end() && resting->second.at_us > now_us) return;
  ended_.erase(send.to);
  if (now_us < rest_until_us_) {
    ended_[send.to] = {rest_until_us_, true};
    return;
  }
  receivers_[send.to] = Receiver{.ballot = send.ballot, .heard_us = now_us};
  if (image_ != Image::kNone) return;
  if (parts_.disk_nearly_full()) {
    spdlog::warn("no snapshot is made for node {}: the disk is nearly full", send.to.value);
    FailAll();
  } else {
    MakeImage(applied);
  }
}

void SnapshotSender::MakeImage(Slot applied) {
  image_ = Image::kMaking;
  snapshot_ = ++last_snapshot_;
  log_at_image_ = parts_.log_added();
  parts_.keep_log_above(applied.value == 0 ? applied : applied.Prev());
  const bool posted =
      parts_.worker->Post([engine = parts_.engine, wal = parts_.wal, directory = parts_.directory,
                           made = parts_.made, fatal = parts_.fatal, snapshot = snapshot_] {
        ImageMade result{.snapshot = snapshot};
        result.status = Make(engine, wal, directory, fatal, &result);
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
  entry_ = made.entry;
  last_ = core.log().IdAt(made.applied);
  prev_ = core.log().IdAt(made.applied.Prev());
  // Chosen, whether or not the image reaches to it: the receiver may go by it at once.
  configuration_ = core.configurations().all().front();
}

void SnapshotSender::FailAll() {
  rest_until_us_ = parts_.clock->LeaseNowUs() + kRestAfterErrorUs;
  parts_.metrics->snapshots_failed.Add(receivers_.size());
  for (const auto& [node, receiver] : receivers_) ended_[node] = {rest_until_us_, true};
  receivers_.clear();
  DropImage();
}

// REQUIRES: it is no receiver any more, or is about to be none.
void SnapshotSender::Fail(NodeId node, const char* why) {
  int64_t& rest_us = rest_us_[node];
  rest_us = rest_us == 0 ? kFailedRestUs : std::min(2 * rest_us, kFailedRestUsMax);
  ended_[node] = {parts_.clock->LeaseNowUs() + rest_us, true};
  parts_.metrics->snapshots_failed.Add();
  spdlog::warn("the snapshot for node {} has failed: {}; it is sent none for {} s", node.value, why,
               rest_us / 1'000'000);
}

uint64_t SnapshotSender::KeptLogBytesMax() const {
  return std::max(kKeptRetentions * limits_.log_retention_bytes,
                  reader_ == nullptr ? 0 : reader_->bytes());
}

void SnapshotSender::LetGoIfItMust() {
  if (image_ == Image::kNone) return;
  if (parts_.disk_nearly_full()) {
    spdlog::warn("a snapshot is let go of: the disk is nearly full");
    FailAll();
  } else if (parts_.log_added() - log_at_image_ > KeptLogBytesMax()) {
    for (const auto& [node, receiver] : receivers_) Fail(node, "the log above it is too long");
    receivers_.clear();
    DropImage();
  }
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
  if (pull.failed) {
    Fail(from, "it cannot take it");
    receivers_.erase(found);
    return;
  }
  if (pull.done) {
    ended_[from] = {receiver.heard_us, false};
    receivers_.erase(found);
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
  ended_.clear();
  rest_us_.clear();
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

std::vector<consensus::SnapshotEnded> SnapshotSender::RunDue(const consensus::Replica& core) {
  const int64_t now_us = parts_.clock->LeaseNowUs();
  LetGoIfItMust();
  for (auto at = receivers_.begin(); at != receivers_.end();) {
    auto& [node, receiver] = *at;
    const bool there = image_ == Image::kReady && core.MatchOf(node) >= last_.slot;
    const bool silent = receiver.heard_us + kSilentUsMax <= now_us;
    if (there || silent) {
      if (there) {
        parts_.metrics->snapshots_sent.Add();
        ended_[node] = {now_us, false};
        rest_us_.erase(node);
      } else {
        Fail(node, "it has stopped pulling");
      }
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
  std::vector<consensus::SnapshotEnded> ended;
  for (const auto& [node, end] : ended_) {
    if (end.at_us <= now_us) ended.push_back({node, end.failed});
  }
  for (const auto& each : ended) ended_.erase(each.to);
  return ended;
}

void SnapshotSender::Offer(NodeId to, Receiver* receiver, int64_t now_us) {
  if (receiver->offered_us == 0) {
    spdlog::info("node {} is sent a snapshot of slot {}, {} bytes", to.value, last_.slot.value,
                 reader_->bytes());
  }
  receiver->offered_us = now_us;
  parts_.transport->Send(
      {.from = parts_.self,
       .to = to,
       .body = consensus::SnapshotOffer{receiver->ballot, snapshot_, prev_, last_, entry_,
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
  const auto pause_us = static_cast<int64_t>(size * 1'000'000 / limits_.bytes_per_second);
  next_piece_us_ = std::max(next_piece_us_, now_us - pause_us) + pause_us;
}

int64_t SnapshotSender::NextDeadlineUs() const {
  int64_t next_us = kNever;
  for (const auto& [node, end] : ended_) next_us = std::min(next_us, end.at_us);
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
