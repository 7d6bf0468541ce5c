#include "server/replica/snapshot_receiver.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace baton::server {
namespace {

// These two on the worker.

absl::StatusOr<std::unique_ptr<engine::ImageWriter>> Begin(
    engine::Engine* engine, const std::string& directory, uint64_t bytes,
    const std::function<absl::StatusOr<uint64_t>()>& room) {
  if (absl::Status s = engine->RemoveImage(directory); !s.ok()) return s;
  const absl::StatusOr<uint64_t> may_take = room();
  if (!may_take.ok()) return may_take.status();
  if (*may_take < bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("it has ", bytes, " bytes, and ", *may_take,
                                                     " are free beyond the disk's reserve"));
  }
  return engine->NewImage(directory);
}

// What is noted as whole is restored at every start until that succeeds: it must be able to.
absl::Status Finish(engine::Engine* engine, const std::string& directory, Slot slot,
                    engine::ImageWriter* writer) {
  if (absl::Status s = writer->Finish(); !s.ok()) return s;
  const absl::StatusOr<Slot> applied = engine->ImageApplied(directory);
  if (!applied.ok()) return applied.status();
  if (*applied == slot) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("it is of slot ", applied->value, " and was offered as of slot ", slot.value));
}

}  // namespace

void SnapshotReceiver::OnOffer(NodeId from, const consensus::SnapshotOffer& offer,
                               const consensus::Replica& core) {
  if (installing_ || offer.ballot != core.promised()) return;
  // Who leads takes this node for a witness, and it is none, or the other way round.
  if ((offer.bytes == 0) != (parts_.engine == nullptr)) return;
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
    if (!Post(nothing, 0, /*whole=*/true)) intake_.reset();  // it is offered again
    return;
  }
  intake_->writer = std::make_shared<std::unique_ptr<engine::ImageWriter>>();
  const auto open = [engine = parts_.engine, directory = parts_.directory, bytes = offer.bytes,
                     room = parts_.room, writer = intake_->writer](engine::ImageWriter*) {
    auto opened = Begin(engine, directory, bytes, room);
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
  if (!intake_ || installing_) return;
  if (intake_->from != from || intake_->offer.snapshot != chunk.snapshot) return;
  if (chunk.position != intake_->taken || intake_->whole || chunk.bytes->empty()) return;
  if (chunk.bytes->size() > intake_->offer.bytes - chunk.position) return;
  const uint64_t end = chunk.position + chunk.bytes->size();
  intake_->heard_us = parts_.clock->LeaseNowUs();
  const bool whole = end == intake_->offer.bytes;
  const auto append = [engine = parts_.engine, directory = parts_.directory,
                       slot = intake_->offer.last.slot, bytes = chunk.bytes,
                       whole](engine::ImageWriter* writer) {
    // It was not begun; a former taking of the same snapshot may have asked for this.
    if (writer == nullptr) return absl::FailedPreconditionError("there is no image to write to");
    absl::Status status = writer->Append(*bytes);
    return status.ok() && whole ? Finish(engine, directory, slot, writer) : status;
  };
  if (!Post(append, end, whole)) return;  // it is pulled again
  intake_->taken = end;
  parts_.metrics->snapshot_bytes_received.Add(chunk.bytes->size());
}

std::optional<consensus::SnapshotReceived> SnapshotReceiver::On(const PieceWritten& written) {
  if (!intake_ || intake_->number != written.intake) return std::nullopt;
  if (!written.status.ok()) {
    spdlog::warn("cannot take a snapshot: {}", std::string(written.status.message()));
    Pull({.failed = true});
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

SnapshotIntent SnapshotReceiver::Intent(consensus::HardState hard_state) {
  BATON_CHECK(intake_ && intake_->whole);
  installing_ = true;
  return {intake_->offer.prev, intake_->offer.last, intake_->offer.entry, std::move(hard_state)};
}

void SnapshotReceiver::CannotInstall() {
  BATON_CHECK(installing_);
  Pull({.failed = true});
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
