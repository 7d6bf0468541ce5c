#include "server/rpc/peer_link.h"

#include <grpc/support/time.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "server/codec/entry_codec.h"
#include "server/rpc/channel.h"
#include "server/rpc/peer_frames.h"

namespace baton::server {
namespace {

constexpr char kStreamMethod[] = "/baton.peer.v1.Peer/Stream";
constexpr int64_t kRedialMinUs = 10'000;
constexpr int64_t kRedialMaxUs = 100'000;
constexpr int64_t kRedialRefusedUs = 1'000'000;  // a refusal lasts until somebody changes something
constexpr uint32_t kRedialDoublingsMax = 8;

}  // namespace

PeerLink::PeerLink(Options options, grpc::CompletionQueue* queue, PeerMetrics* metrics,
                   std::function<void()> closed)
    : options_(std::move(options)),
      queue_(queue),
      metrics_(metrics),
      closed_(std::move(closed)),
      channel_(ConnectToNode(options_.peer.peer_address)),
      stub_(channel_),
      jitter_state_(options_.self.directory.low | 1) {}

void PeerLink::Open() { Dial(); }

void PeerLink::Close() {
  bool quiet = false;
  {
    MutexLock lock(&mutex_);
    closing_ = true;
    if (state_ == State::kIdle) {
      quiet = true;
    } else if (state_ == State::kWaiting) {
      alarm_.Cancel();
    } else if (state_ == State::kOpen) {
      if (!writing_) HalfClose();  // else once what waits is written
    } else if (attempt_) {
      attempt_->context.TryCancel();
    }
  }
  if (quiet) Closed();
}

void PeerLink::Cancel() {
  MutexLock lock(&mutex_);
  if (attempt_) attempt_->context.TryCancel();
}

void PeerLink::HalfClose() {
  half_closed_ = true;
  writing_ = true;
  attempt_->stream->WritesDone(&on_written_);
}

bool PeerLink::connected() const {
  MutexLock lock(&mutex_);
  return state_ == State::kOpen;
}

std::string PeerLink::refusal() const {
  MutexLock lock(&mutex_);
  return refusal_;
}

// What cannot be sent in parts can be sent.
static_assert(kEntryBytesMax + (1 << 20) < kMessageBytesMax);

void PeerLink::Send(const consensus::Message& message) {
  {
    MutexLock lock(&mutex_);
    if (state_ != State::kOpen || closing_) {
      metrics_->dropped_messages.Add();
      return;
    }
  }
  FramedMessage frame = FrameMessage(message);
  if (frame.size() > static_cast<uint64_t>(kMessageBytesMax)) {
    spdlog::error("message of {} bytes to {} is over the limit of {}: dropped", frame.size(),
                  options_.peer.name, kMessageBytesMax);
    metrics_->dropped_messages.Add();
    return;
  }
  std::vector<FramedMessage> write;
  {
    MutexLock lock(&mutex_);
    if (state_ != State::kOpen || closing_ ||
        !waiting_.Push(std::move(frame), PeerQueue::HeartbeatOf(message))) {
      metrics_->dropped_messages.Add();
      return;
    }
    if (writing_) return;
    writing_ = true;  // keeps the attempt alive until OnWritten
    write = waiting_.TakeWrite();
  }
  StartWrite(write);
}

void PeerLink::Dial() {
  auto attempt = std::make_unique<Attempt>();
  // The channel reconnects by itself; the call waits for it.
  attempt->context.set_wait_for_ready(true);
  attempt->stream = stub_.PrepareCall(&attempt->context, kStreamMethod, queue_);
  bool closing = false;
  {
    MutexLock lock(&mutex_);
    closing = closing_;
    if (!closing) {
      greeted_ = false;
      refused_now_ = false;
      peer_unformed_ = false;
      state_ = State::kDialing;
      attempt_ = std::move(attempt);
      attempt_->stream->StartCall(&on_started_);
    }
  }
  if (closing) Closed();
}

void PeerLink::OnStarted(bool ok) {
  MutexLock lock(&mutex_);
  if (!ok) {
    state_ = State::kEnding;
    attempt_->stream->Finish(&attempt_->status, &on_finished_);
    return;
  }
  state_ = State::kGreeting;
  writing_ = true;
  reading_ = true;
  attempt_->stream->Write(JoinFrames({FrameHello(MakeHello(options_.self, options_.peer.node))}),
                          &on_written_);
  attempt_->stream->Read(&attempt_->read, &on_read_);
}

std::string PeerLink::TakeHello() {
  const absl::StatusOr<std::vector<PeerMessage>> messages = SplitFrames(attempt_->read);
  if (!messages.ok()) {
    return "the first message was not readable: " + std::string(messages.status().message());
  }
  const auto* hello = std::get_if<peer::v1::Hello>(&messages->front());
  if (hello == nullptr) return "the first message was no Hello";
  peer_unformed_ = !hello->refused().empty() && hello->cluster_id().empty();
  if (std::string why = LeftBehindBy(*hello, options_.self, options_.peer); !why.empty()) {
    options_.left_behind(why);
  }
  const bool other = !hello->cluster_id().empty() && hello->node_id() != options_.peer.node.value;
  if (other && hello->refused().empty()) {
    return "node " + std::to_string(hello->node_id()) + " answers at the address of " +
           options_.peer.name;
  }
  return RefuseHello(*hello, options_.self, &options_.peer);
}

void PeerLink::OnRead(bool ok) {
  bool opened = false;
  bool news = false;
  std::string reason;
  {
    MutexLock lock(&mutex_);
    reading_ = false;
    if (ok && state_ == State::kGreeting) {
      reason = TakeHello();
      opened = reason.empty();
      refused_now_ = !opened;
      news = refusal_ != reason;
      refusal_ = reason;
      state_ = opened ? State::kOpen : State::kEnding;
    } else {
      // The stream ended, or the peer speaks where it must not.
      state_ = State::kEnding;
      waiting_.Clear();
    }
    if (opened) {
      greeted_ = true;
      reading_ = true;
      attempt_->stream->Read(&attempt_->read, &on_read_);
    } else if (ok) {
      attempt_->context.TryCancel();
    }
  }
  if (opened) {
    metrics_->connects.Add();
    spdlog::info("stream to {} at {} stands", options_.peer.name, options_.peer.peer_address);
  } else {
    if (!reason.empty()) metrics_->refusals.Add();
    if (news && !reason.empty()) {
      spdlog::log(peer_unformed_ ? spdlog::level::info : spdlog::level::err,
                  "no stream to {} at {}: {}", options_.peer.name, options_.peer.peer_address,
                  reason);
    }
    FinishIfQuiet();
  }
}

void PeerLink::StartWrite(const std::vector<FramedMessage>& frames) {
  uint64_t bytes = 0;
  for (const FramedMessage& frame : frames) bytes += frame.size();
  metrics_->sent_messages.Add(frames.size());
  metrics_->sent_bytes.Add(bytes);
  grpc::GenericClientAsyncReaderWriter* stream = nullptr;
  {
    MutexLock lock(&mutex_);
    BATON_CHECK(writing_) << "a write must be claimed before it starts";
    stream = attempt_->stream.get();
  }
  stream->Write(JoinFrames(frames), &on_written_);
}

void PeerLink::OnWritten(bool ok) {
  std::vector<FramedMessage> write;
  {
    MutexLock lock(&mutex_);
    if (!ok || state_ != State::kOpen || waiting_.empty()) {
      writing_ = false;
      if (!ok) waiting_.Clear();  // the read side hears of the end too, and ends the attempt
      if (ok && state_ == State::kOpen && closing_ && !half_closed_) HalfClose();
    } else {
      write = waiting_.TakeWrite();
    }
  }
  if (!write.empty()) {
    StartWrite(write);
  } else {
    FinishIfQuiet();
  }
}

void PeerLink::FinishIfQuiet() {
  MutexLock lock(&mutex_);
  if (state_ != State::kEnding || writing_ || reading_) return;
  state_ = State::kWaiting;  // so that Finish is called once
  attempt_->stream->Finish(&attempt_->status, &on_finished_);
}

void PeerLink::OnFinished(bool) {
  bool closing = false;
  std::unique_ptr<Attempt> ended;
  {
    MutexLock lock(&mutex_);
    ended = std::move(attempt_);
    closing = closing_;
  }
  const grpc::Status& status = ended->status;
  if (greeted_ && !closing) {
    spdlog::warn("stream to {} ended: {}", options_.peer.name,
                 status.ok() ? "closed by the peer" : status.error_message());
  } else if (!greeted_ && !closing && !refused_now_) {
    spdlog::log(failures_ == 0 ? spdlog::level::warn : spdlog::level::debug,
                "stream to {} at {} failed: {}", options_.peer.name, options_.peer.peer_address,
                status.error_message());
  }
  ended.reset();
  {
    MutexLock lock(&mutex_);
    closing = closing_;
    if (!closing) {
      state_ = State::kWaiting;
      alarm_.Set(queue_,
                 gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                              gpr_time_from_micros(RedialDelayUs(), GPR_TIMESPAN)),
                 &on_alarm_);
    }
  }
  if (closing) Closed();
}

void PeerLink::OnAlarm(bool) { Dial(); }

int64_t PeerLink::RedialDelayUs() {
  // A peer that is about to be formed is worth asking again soon.
  if (refused_now_ && !peer_unformed_) return kRedialRefusedUs;
  failures_ = greeted_ ? 0 : std::min(failures_ + 1, kRedialDoublingsMax);
  jitter_state_ = jitter_state_ * 6364136223846793005u + 1442695040888963407u;
  const int64_t delay = std::min(kRedialMaxUs, kRedialMinUs << failures_);
  return delay + static_cast<int64_t>(jitter_state_ >> 33) % delay;
}

void PeerLink::Closed() {
  {
    MutexLock lock(&mutex_);
    state_ = State::kClosed;
  }
  closed_();
}

}  // namespace baton::server
