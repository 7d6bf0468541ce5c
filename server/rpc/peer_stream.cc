#include "server/rpc/peer_stream.h"

#include <grpc/support/time.h>

#include <utility>
#include <variant>

#include "server/rpc/peer_frames.h"
#include "server/rpc/peer_service.h"

namespace baton::server {
namespace {

constexpr int64_t kHelloTimeoutMs = 5000;  // a caller that says nothing is hung up on

}  // namespace

PeerStream::PeerStream(PeerStreamHost* host, PeerService* service,
                       grpc::ServerCompletionQueue* queue)
    : host_(host), queue_(queue) {
  service->RequestStream(&context_, &stream_, queue, queue, &on_called_);
}

void PeerStream::Cancel() { context_.TryCancel(); }

void PeerStream::OnCalled(bool ok) {
  if (!ok) {  // the server shuts down
    host_->StreamEnded(this, false);
    return;
  }
  host_->StreamStarted(this);
  alarm_set_ = true;
  hello_alarm_.Set(queue_,
                   gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                gpr_time_from_millis(kHelloTimeoutMs, GPR_TIMESPAN)),
                   &on_alarm_);
  reading_ = true;
  stream_.Read(&read_, &on_read_);
}

void PeerStream::OnAlarm(bool expired) {
  alarm_set_ = false;
  if (expired && !greeted_ && !end_) {
    end_ = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no Hello came");
    context_.TryCancel();
  }
  FinishIfQuiet();
}

void PeerStream::OnRead(bool ok) {
  reading_ = false;
  if (!ok) {
    End(grpc::Status::OK);
    return;
  }
  absl::StatusOr<std::vector<PeerMessage>> messages = SplitFrames(read_);
  read_.Clear();
  if (!messages.ok()) {
    const std::string what(messages.status().message());
    host_->BadFrame(peer_ == 0 ? context_.peer() : "node " + std::to_string(peer_), what);
    End(grpc::Status(static_cast<grpc::StatusCode>(messages.status().code()), what));
    return;
  }
  for (PeerMessage& message : *messages) {
    if (!Take(std::move(message))) break;
  }
  if (end_) {
    FinishIfQuiet();
    return;
  }
  reading_ = true;
  stream_.Read(&read_, &on_read_);
}

bool PeerStream::Take(PeerMessage message) {
  if (!greeted_) {
    const auto* hello = std::get_if<peer::v1::Hello>(&message);
    if (hello == nullptr) {
      host_->BadFrame(context_.peer(), "the first message was no Hello");
      end_ = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "say Hello first");
      return false;
    }
    const peer::v1::Hello answer = host_->Greet(this, *hello);
    writing_ = true;
    stream_.Write(JoinFrames({FrameHello(answer)}), &on_greeted_);
    if (!answer.refused().empty()) {
      end_ = grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, answer.refused());
      return false;
    }
    greeted_ = true;
    peer_ = hello->node_id();
    if (alarm_set_) hello_alarm_.Cancel();
    return true;
  }
  auto* said = std::get_if<consensus::Message>(&message);
  if (said == nullptr || said->from.value != peer_) {
    host_->BadFrame("node " + std::to_string(peer_), "a message in another node's name");
    end_ = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "speak in your own name");
    return false;
  }
  host_->Deliver(std::move(*said));
  return true;
}

void PeerStream::OnGreeted(bool) {
  writing_ = false;
  FinishIfQuiet();
}

void PeerStream::End(grpc::Status status) {
  if (!end_) end_ = std::move(status);
  if (alarm_set_) hello_alarm_.Cancel();
  FinishIfQuiet();
}

void PeerStream::FinishIfQuiet() {
  if (!end_ || reading_ || writing_) return;
  if (!finishing_) {
    finishing_ = true;
    stream_.Finish(*end_, &on_finished_);
    return;
  }
  if (finished_ && !alarm_set_) host_->StreamEnded(this, true);
}

void PeerStream::OnFinished(bool) {
  finished_ = true;
  if (alarm_set_) hello_alarm_.Cancel();
  FinishIfQuiet();
}

}  // namespace baton::server
