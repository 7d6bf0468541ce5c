#include "server/replica/snapshot_receiver.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace baton::server {

void SnapshotReceiver::OnOffer(NodeId from, const consensus::SnapshotOffer& offer,
                               const consensus::Replica& core) {
  if (offer.ballot != core.promised()) return;
  if (intake_ && intake_->offer == offer && intake_->from == from) {
    intake_->heard_us = parts_.clock->LeaseNowUs();
    if (!intake_->whole && intake_->steps == 0) PullAgain();
    return;
  }
  if (offer.last.slot <= core.commit() || core.log().Holds(offer.last)) {
    parts_.transport->Send(
        {.from = parts_.self,
         .to = from,
         .body = consensus::SnapshotPull{.snapshot = offer.snapshot, .done = true}});
    return;
  }
  Start(from, offer);
}

void SnapshotReceiver::Start(NodeId from, const consensus::SnapshotOffer& offer) {
  spdlog::info("taking a snapshot of slot {}, {} bytes, from node {}", offer.last.slot.value,
               offer.bytes, from.value);
  Intake intake;
  intake.number = ++intakes_;
  intake.from = from;
  intake.offer = offer;
  intake.heard_us = parts_.clock->LeaseNowUs();
  intake_ = std::move(intake);
  if (parts_.engine == nullptr) {
    const auto nothing = [](engine::ImageWriter*) { return absl::OkStatus(); };
    if (!Post(nothing, offer.bytes, /*whole=*/true)) intake_.reset();  // it is offered again
    return;
  }
  intake_->writer = std::make_shared<std::unique_ptr<engine::ImageWriter>>();
  const auto open = [engine = parts_.engine, directory = parts_.directory,
                     writer = intake_->writer](engine::ImageWriter*) {
    auto opened = engine->NewImage(directory);
    if (opened.ok()) *writer = *std::move(opened);
    return opened.status();
  };
  if (!Post(open, 0, /*whole=*/false)) intake_.reset();
}

// Runs a step on the worker; false when it takes no more.
bool SnapshotReceiver::Post(std::function<absl::Status(engine::ImageWriter*)> step,
                            uint64_t position, bool whole) {
  const bool posted = parts_.worker->Post(
      [step = std::move(step), writer = intake_->writer, told = parts_.written,
       result = PieceWritten{
           .intake = intake_->number, .position = position, .whole = whole}]() mutable {
        result.status = step(writer == nullptr ? nullptr : writer->get());
        told(std::move(result));
      });
  intake_->steps += posted;
  return posted;
}

void SnapshotReceiver::OnChunk(NodeId from, const consensus::SnapshotChunk& chunk) {
  if (!intake_ || intake_->from != from || intake_->offer.snapshot != chunk.snapshot) return;
  if (chunk.position != intake_->taken || intake_->whole || chunk.bytes->empty()) return;
  const uint64_t end = chunk.position + chunk.bytes->size();
  if (end > intake_->offer.bytes) return;
  intake_->heard_us = parts_.clock->LeaseNowUs();
  const bool whole = end == intake_->offer.bytes;
  const auto append = [bytes = chunk.bytes, whole](engine::ImageWriter* writer) {
    absl::Status status = writer->Append(*bytes);
    return status.ok() && whole ? writer->Finish() : status;
  };
  if (!Post(append, end, whole)) return;  // it is pulled again
  intake_->taken = end;
  parts_.metrics->snapshot_bytes_received.Add(chunk.bytes->size());
}

std::optional<consensus::SnapshotReceived> SnapshotReceiver::On(const PieceWritten& written) {
  if (!intake_ || intake_->number != written.intake) return std::nullopt;
  if (!written.status.ok()) {
    spdlog::warn("cannot write a snapshot: {}", std::string(written.status.message()));
    Forget();
    return std::nullopt;
  }
  --intake_->steps;
  intake_->heard_us = parts_.clock->LeaseNowUs();
  intake_->written = std::max(intake_->written, written.position);
  if (!written.whole) {
    Pull({});
    return std::nullopt;
  }
  intake_->whole = true;
  return consensus::SnapshotReceived{intake_->offer.ballot, intake_->offer.last,
                                     intake_->offer.configuration};
}

SnapshotIntent SnapshotReceiver::Intent(consensus::HardState hard_state) const {
  BATON_CHECK(intake_ && intake_->whole);
  return {intake_->offer.prev, intake_->offer.last, intake_->offer.entry, std::move(hard_state)};
}

void SnapshotReceiver::Drop() {
  if (!intake_) return;
  Pull({.done = true});
  Forget();
}

void SnapshotReceiver::Forget() {
  intake_.reset();
  if (parts_.engine == nullptr) return;
  parts_.worker->Post([engine = parts_.engine, directory = parts_.directory] {
    if (absl::Status s = engine->RemoveImage(directory); !s.ok()) {
      spdlog::warn("{}", std::string(s.message()));
    }
  });
}

void SnapshotReceiver::Pull(consensus::SnapshotPull pull) {
  intake_->pulled_us = parts_.clock->LeaseNowUs();
  pull.snapshot = intake_->offer.snapshot;
  pull.position = intake_->written;
  pull.window_bytes = kWindowBytes;
  parts_.transport->Send({.from = parts_.self, .to = intake_->from, .body = pull});
}

// REQUIRES: the worker has nothing of it, so that what is written is all that was taken.
void SnapshotReceiver::PullAgain() {
  intake_->taken = intake_->written;
  Pull({.again = true});
}

void SnapshotReceiver::RunDue() {
  if (!intake_ || intake_->whole || intake_->steps > 0) return;
  const int64_t now_us = parts_.clock->LeaseNowUs();
  if (intake_->heard_us + kSilentUsMax <= now_us) {
    spdlog::warn("the snapshot from node {} has stopped coming", intake_->from.value);
    Forget();
  } else if (std::max(intake_->heard_us, intake_->pulled_us) + kPullAgainUs <= now_us) {
    PullAgain();
  }
}

int64_t SnapshotReceiver::NextDeadlineUs() const {
  if (!intake_ || intake_->whole || intake_->steps > 0) return kNever;
  return std::min(intake_->heard_us + kSilentUsMax,
                  std::max(intake_->heard_us, intake_->pulled_us) + kPullAgainUs);
}

}  // namespace baton::server
